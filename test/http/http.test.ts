import { getIntrospectionQuery } from 'graphql';
import { serverAudits } from 'graphql-http';
import { describe, expect, test } from 'vitest';
import { JOB_FIELDS } from '../support/client.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { shared } from '../support/on-end.ts';

async function start(overrides: Record<string, string> = {}): Promise<TestGateway> {
  const upstream = await startFakeUpstream();
  return startGateway({ ...upstream.settings, ...overrides });
}

/** Gateway for tests that need no particular settings. */
const plain = shared(() => start());
/** Gateway with stricter settings. */
const strict = shared(() => start({ MAX_DEPTH: '3', INTROSPECTION: 'off', CORS_ORIGINS: 'https://app.example.com' }));

const post = (gateway: TestGateway, body: string, headers: Record<string, string> = {}) =>
  fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${gateway.apiKey}`, ...headers },
    body,
  });

test('the gateway passes all 61 GraphQL over HTTP audits', async () => {
  const gateway = plain();
  const audits = serverAudits({
    url: `${gateway.url}/graphql`,
    fetchFn: (url: string, init: RequestInit = {}) =>
      fetch(url, {
        ...init,
        headers: { ...(init.headers as Record<string, string>), authorization: `Bearer ${gateway.apiKey}` },
      }),
  });
  const results = await Promise.all(audits.map(({ fn }) => fn()));
  const failed = results.filter(({ status }) => status !== 'ok').map(({ id, name }) => ({ id, name }));
  expect(results).toHaveLength(61);
  expect(failed).toEqual([]);
});

describe('an invalid request', () => {
  test('with a missing, malformed or wrong key gets 401 before its body is read', async () => {
    const gateway = plain();
    for (const authorization of ['', 'Bearer', 'Bearer wrong', `Basic ${gateway.apiKey}`, gateway.apiKey]) {
      const response = await post(gateway, '{"query": nonsense', { authorization });
      expect([response.status, response.headers.get('www-authenticate')], authorization).toEqual([401, 'Bearer']);
      const code =
        authorization === ''
          ? 'UNAUTHENTICATED'
          : authorization === 'Bearer wrong'
            ? 'INVALID_TOKEN'
            : 'AUTHORIZATION_MALFORMED';
      expect(await response.json()).toMatchObject({ errors: [{ extensions: { code } }] });
    }
  });

  test.each<[string, string, string, number, string]>([
    ['JSON that is malformed', '{"query": ', 'application/json', 400, 'BAD_REQUEST'],
    ['a body over the limit', JSON.stringify({ query: 'x'.repeat(70_000) }), 'application/json', 413, 'BODY_TOO_LARGE'],
    ['another content type', '<query/>', 'application/xml', 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['a batch', '[{"query":"{__typename}"},{"query":"{__typename}"}]', 'application/json', 400, 'BAD_REQUEST'],
  ])('gets a specific status and error code: %s', async (_name, body, contentType, status, code) => {
    const gateway = plain();
    const response = await post(gateway, body, { 'content-type': contentType });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code } }] });
    expect((await post(gateway, '{"query":"{ __typename }"}')).status, 'the gateway still answers').toBe(200);
  });

  test('to an unknown route gets 404 NOT_FOUND', async () => {
    const { url } = plain();
    const response = await fetch(`${url}/nowhere?token=secret`);
    expect([response.status, await response.json()]).toEqual([
      404,
      { errors: [{ message: expect.any(String) as string, extensions: { code: 'NOT_FOUND' } }] },
    ]);
  });

  test('for a subscription over HTTP gets 400 SOCKET_ONLY', async () => {
    const { client } = plain();
    const { errors, status } = await client.request('subscription { jobUpdated(id: "a") { id } }');
    expect([status, errors]).toMatchObject([400, [{ extensions: { code: 'SOCKET_ONLY' } }]]);
  });
});

describe('operation limits', () => {
  const spread = (levels: number) =>
    Array.from(
      { length: levels },
      (_, index) =>
        `fragment F${index} on MotionJob { ${index + 1 < levels ? `...F${index + 1} ...F${index + 1}` : 'a: id b: id'} }`,
    ).join(' ');
  const repeating = shared(() => start({ MAX_FIELD_REPEATS: '1000' }));
  test.each([
    ['too deep', `{ motionJobs { nodes { ${'... on MotionJob { video { url } } '.repeat(1)} } } }`, strict],
    [
      'too many aliases',
      `{ ${Array.from({ length: 31 }, (_, index) => `a${index}: __typename`).join(' ')} }`,
      repeating,
    ],
    ['too many aliases in fragments that double', `{ motionJobs { nodes { ...F0 } } } ${spread(20)}`, repeating],
    ['too many directives', `{ __typename ${'@skip(if: false) '.repeat(31)} }`, plain],
    ['a field too many times', `{ ${'__typename '.repeat(31)} }`, plain],
  ])('reject an operation: %s', async (_name, query, gateway) => {
    const { client } = gateway();
    const { errors, data } = await client.request(query);
    expect(data).toBeUndefined();
    expect(errors!.map(({ extensions }) => extensions.code)).toContain('OPERATION_TOO_LARGE');
  });

  test('reject a document with more than 1000 tokens', async () => {
    const { client } = plain();
    const { errors } = await client.request(`{ ${'__typename '.repeat(1200)} }`);
    expect(errors).toMatchObject([
      { message: expect.stringContaining('1000 tokens') as string, extensions: { code: 'GRAPHQL_PARSE_FAILED' } },
    ]);
  });

  test('allow the introspection query of tools, but no introspection or name suggestions if introspection is off', async () => {
    expect((await plain().client.request(getIntrospectionQuery())).errors).toBeUndefined();
    const closed = strict();
    expect((await closed.client.request('{ __schema { types { name } } }')).errors).toContainEqual(
      expect.objectContaining({
        message: expect.stringContaining('introspection has been disabled') as string,
        extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
      }),
    );
    const suggestion = await closed.client.request('{ motionJob(id: "a") { stat } }');
    expect(JSON.stringify(suggestion.errors)).not.toContain('Did you mean');
  });
});

describe('a response', () => {
  test('has a request id that also appears in the log, and the log does not contain the key', async () => {
    const gateway = plain();
    const response = await post(gateway, '{"query":"{ __typename }"}');
    const id = response.headers.get('x-request-id');
    expect(gateway.logs).toContainEqual(expect.objectContaining({ reqId: id, route: '/graphql', status: 200 }));
    expect(JSON.stringify(gateway.logs)).not.toContain(gateway.apiKey);
  });

  test('hides the details of an internal error, which are logged under its error id', async () => {
    const gateway = await start();
    const { asAdministrator } = await import('../support/database.ts');
    await asAdministrator('alter table jobs rename column mode to gone', gateway.databaseUrl);
    const query = `query { motionJobs { nodes { ${JOB_FIELDS} } } }`;
    const { errors } = await gateway.client.request(query);
    expect(errors).toEqual([
      {
        message: 'Internal error.',
        locations: [{ line: 1, column: 9 }],
        path: ['motionJobs'],
        extensions: { code: 'INTERNAL_SERVER_ERROR', errorId: expect.any(String) as string },
      },
    ]);
    await gateway.client.request(
      'mutation { generateMotion(input: { imageUrl: "https://a.com/?sign=secret-link", videoUrl: "https://a.com/b", prompt: "secret-words" }) { replayed } }',
    );
    expect(JSON.stringify(gateway.logs)).not.toMatch(/secret-link|secret-words/);
    const errorId = errors![0]!.extensions.errorId;
    expect(gateway.logs).toContainEqual(
      expect.objectContaining({
        level: 50,
        errorId,
        err: expect.objectContaining({ stack: expect.stringContaining('mode') as string }) as object,
      }),
    );

    const watched = (await gateway.client.watch('0199aaaa-0000-7000-8000-000000000000').next()).value as {
      errors: { message: string; extensions: object }[];
    };
    expect(watched.errors).toMatchObject([
      { message: 'Internal error.', extensions: { code: 'INTERNAL_SERVER_ERROR' } },
    ]);
    expect(JSON.stringify(watched)).not.toContain('select');
  });

  test('to another origin is readable only if CORS_ORIGINS allows that origin', async () => {
    const gateway = strict();
    const preflight = (origin: string) =>
      fetch(`${gateway.url}/graphql`, {
        method: 'OPTIONS',
        headers: {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'authorization,content-type',
        },
      });
    expect((await preflight('https://app.example.com')).headers.get('access-control-allow-origin')).toBe(
      'https://app.example.com',
    );
    const answer = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { origin: 'https://app.example.com', 'content-type': 'application/json' },
      body: '{}',
    });
    // The response headers that a page may read.
    expect(answer.headers.get('access-control-expose-headers')).toBe(
      'x-request-id, ratelimit, ratelimit-policy, retry-after',
    );
    expect((await preflight('https://evil.example.com')).headers.get('access-control-allow-origin')).toBeNull();
  });
});
