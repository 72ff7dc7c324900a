/**
 * Tests requests as clients, browsers and proxies send them: GET, media types, compressed bodies, trailing slashes.
 */
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { acceptedType } from '../../src/http/graphql/accepted-type.ts';
import { EXAMPLE } from '../support/client.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { shared } from '../support/on-end.ts';
import { createRestClient, SEED_BODY } from '../support/rest.ts';
import { openSocket } from '../support/socket.ts';
import { upgrade } from '../support/upgrade.ts';

interface Answer {
  readonly status: number;
  readonly type: string | null;
  readonly headers: Headers;
  readonly body: {
    readonly data?: unknown;
    readonly errors?: readonly { readonly message: string; readonly extensions: { readonly code: string } }[];
  };
}

async function send({ url }: Pick<TestGateway, 'url'>, path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(`${url}${path}`, { redirect: 'manual', ...init });
  const text = await response.text();
  return {
    status: response.status,
    type: response.headers.get('content-type'),
    headers: response.headers,
    body: text.startsWith('{') ? (JSON.parse(text) as Answer['body']) : {},
  };
}

const codeOf = ({ status, body }: Answer) => [status, body.errors?.[0]?.extensions.code];
const bearer = (gateway: TestGateway) => ({ authorization: `Bearer ${gateway.apiKey}` });
function queryOf(query: string, more: Record<string, unknown> = {}): string {
  const parameters = Object.entries(more).map(
    ([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)] as const,
  );
  return `?${new URLSearchParams({ query, ...Object.fromEntries(parameters) }).toString()}`;
}

const SUBMIT = 'mutation ($input: GenerateMotionInput!) { generateMotion(input: $input) { job { id } } }';
const countJobs = async ({ client }: TestGateway) =>
  (await client.request<{ motionJobs: { nodes: object[] } }>('{ motionJobs { nodes { id } } }')).data.motionJobs.nodes
    .length;

const standard = shared(() => startGateway());

describe('a GET request', () => {
  test('with a key is answered, regardless of its other headers and parameters', async () => {
    const gateway = standard();
    const job = await gateway.client.generate();
    const find = 'query Find($id: ID!) { motionJob(id: $id) { id } } query Other { __typename }';
    const answers: [string, Record<string, string>, unknown][] = [
      [queryOf('{__typename}'), {}, { __typename: 'Query' }],
      [queryOf(find, { variables: { id: job.id }, operationName: 'Find' }), {}, { motionJob: { id: job.id } }],
      [
        queryOf('{ __typename }', { extensions: {} }),
        { accept: 'application/graphql-response+json' },
        { __typename: 'Query' },
      ],
      [queryOf('{ __typename }'), { 'content-type': 'application/json' }, { __typename: 'Query' }],
      [
        queryOf('{ __typename }'),
        { origin: 'https://evil.example.com', 'sec-fetch-site': 'cross-site' },
        { __typename: 'Query' },
      ],
    ];
    for (const [search, headers, data] of answers) {
      const answer = await send(gateway, `/graphql${search}`, { headers: { ...bearer(gateway), ...headers } });
      expect([answer.status, answer.body], search).toEqual([200, { data }]);
      expect(answer.headers.get('cache-control')).toBe('no-store');
    }
  });

  test('without a key and without a CSRF prevention header is rejected', async () => {
    const gateway = standard();
    for (const headers of [
      {},
      { accept: 'application/json' },
      { cookie: 'a=b' },
      { origin: gateway.url },
      { 'x-requested-with': 'x' },
    ] as Record<string, string>[]) {
      expect(
        codeOf(await send(gateway, `/graphql${queryOf('{__typename}')}`, { headers })),
        JSON.stringify(headers),
      ).toEqual([400, 'BAD_REQUEST']);
    }
    expect(
      (await send(gateway, `/graphql${queryOf('{__typename}')}`, { headers: { 'apollo-require-preflight': '1' } }))
        .status,
    ).toBe(200);
  });

  test('with an authentication scheme that browsers send automatically, or with an invalid key, gets 401', async () => {
    const gateway = standard();
    const basic = Buffer.from(`user:${gateway.apiKey}`).toString('base64');
    for (const authorization of [
      `Basic ${basic}`,
      `Negotiate ${basic}`,
      `Digest username="user", response="${gateway.apiKey}"`,
      gateway.apiKey,
      'Bearer',
      `Bearer ${gateway.apiKey}x`,
      '',
    ]) {
      const answer = await send(gateway, `/graphql${queryOf('{__typename}')}`, { headers: { authorization } });
      expect(answer.status, authorization).toBe(401);
    }
  });

  test('cannot be a mutation or a subscription', async () => {
    const gateway = standard();
    const before = await countJobs(gateway);
    const headers = bearer(gateway);
    for (const more of [
      {},
      { accept: '*/*' },
      { 'x-apollo-operation-name': 'x' },
      { 'idempotency-key': 'k' },
    ] as Record<string, string>[]) {
      const answer = await send(gateway, `/graphql${queryOf(SUBMIT, { variables: { input: EXAMPLE } })}`, {
        headers: { ...headers, ...more },
      });
      expect([answer.status, answer.headers.get('allow'), answer.body.data], JSON.stringify(more)).toEqual([
        405,
        'POST',
        undefined,
      ]);
    }
    expect(await countJobs(gateway)).toBe(before);
    for (const more of [{}, { accept: 'text/event-stream' }] as Record<string, string>[]) {
      const answer = await send(gateway, `/graphql${queryOf('subscription { jobsUpdated { cursor } }')}`, {
        headers: { ...headers, ...more },
      });
      expect([codeOf(answer), answer.headers.get('allow')]).toEqual([[400, 'SOCKET_ONLY'], null]);
    }
  });
});

test('a POST that is not JSON, including types that need no preflight, gets 415 with and without a key', async () => {
  const gateway = standard();
  const before = await countJobs(gateway);
  const body = JSON.stringify({ query: SUBMIT, variables: { input: EXAMPLE } });
  for (const type of [
    'text/plain',
    'text/plain;charset=UTF-8',
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/graphql',
    'nonsense',
  ]) {
    for (const headers of [bearer(gateway), {}])
      expect(
        codeOf(
          await send(gateway, '/graphql', { method: 'POST', headers: { ...headers, 'content-type': type }, body }),
        ),
        type,
      ).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE']);
  }
  expect(await countJobs(gateway)).toBe(before);
  for (const type of ['application/json', 'application/json; charset=utf-8', 'Application/JSON;charset=UTF-8']) {
    expect(
      (
        await send(gateway, '/graphql', {
          method: 'POST',
          headers: { ...bearer(gateway), 'content-type': type },
          body: '{"query":"{ __typename }"}',
        })
      ).body,
      type,
    ).toEqual({ data: { __typename: 'Query' } });
  }
});

describe('the Accept header', () => {
  test.each<[string | undefined, string | null]>([
    [undefined, 'application/json'],
    ['*/*', 'application/json'],
    ['application/*', 'application/json'],
    ['application/json', 'application/json'],
    ['application/graphql-response+json', 'application/graphql-response+json'],
    ['application/graphql-response+json, application/json;q=0.9', 'application/graphql-response+json'],
    ['application/json, application/graphql-response+json', 'application/json'],
    ['application/json; q=0.1, application/graphql-response+json; q=0.2', 'application/graphql-response+json'],
    ['multipart/mixed;boundary="graphql";subscriptionSpec="1.0",application/json', 'application/json'],
    ['text/event-stream', null],
    ['multipart/mixed', null],
    ['text/html', null],
    ['application/json;q=0', null],
    ['application/jsonp', null],
  ])('%s selects %s', (accept, type) => {
    expect(acceptedType(accept)).toBe(type);
  });

  test('does not change the error that subscriptions need a socket', async () => {
    const gateway = standard();
    for (const accept of [
      '*/*',
      'text/event-stream',
      'multipart/mixed',
      'application/graphql-response+json, text/event-stream',
      'text/event-stream;q=0.9, application/octet-stream',
    ]) {
      const answer = await send(gateway, '/graphql', {
        method: 'POST',
        headers: { ...bearer(gateway), 'content-type': 'application/json', accept },
        body: '{"query":"subscription { jobsUpdated { cursor } }"}',
      });
      expect(codeOf(answer), accept).toEqual([400, 'SOCKET_ONLY']);
    }
  });

  test('that allows no response type of the gateway gets 406 before anything is executed', async () => {
    const gateway = standard();
    const before = await countJobs(gateway);
    for (const accept of ['text/event-stream', 'multipart/mixed', 'text/html', 'application/json;q=0']) {
      const answer = await send(gateway, '/graphql', {
        method: 'POST',
        headers: { ...bearer(gateway), 'content-type': 'application/json', accept },
        body: JSON.stringify({ query: SUBMIT, variables: { input: EXAMPLE } }),
      });
      expect(codeOf(answer), accept).toEqual([406, 'NOT_ACCEPTABLE']);
      expect(answer.body.errors![0]!.message).toContain('application/json');
    }
    expect(await countJobs(gateway)).toBe(before);
  });
});

test('a browser that opens the GraphQL path is redirected to the playground if that is enabled', async () => {
  const gateway = standard();
  const accept = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8';
  for (const path of ['/graphql', '/graphql/', '/graphql?utm_source=x']) {
    const answer = await send(gateway, path, { headers: { accept } });
    expect(answer.status, path).toBe(302);
    // The location is relative, for proxies that strip a prefix.
    expect(answer.headers.get('location')).not.toMatch(/^\/|:/);
    expect(new URL(answer.headers.get('location')!, `https://gw.example.com/motion${path}`).href, path).toBe(
      'https://gw.example.com/motion/playground',
    );
  }
  expect((await send(gateway, '/graphql', { headers: { accept: 'application/json' } })).status).toBe(400);
  const without = await startGateway({ PLAYGROUND: 'off' });
  expect((await send(without, '/graphql', { headers: { accept } })).status).toBe(400);
});

describe('a compressed body', () => {
  test('is rejected by GraphQL and REST with an error that names its encoding, and no job is accepted', async () => {
    const gateway = standard();
    const before = await countJobs(gateway);
    const bodies: [string, object][] = [
      ['/graphql', { query: SUBMIT, variables: { input: EXAMPLE } }],
      ['/kling/motion', { ...SEED_BODY, async: true }],
    ];
    for (const [path, body] of bodies) {
      for (const encoding of ['gzip', 'GZIP', 'br', 'identity, gzip', 'deflate', 'x-unknown']) {
        const response = await fetch(`${gateway.url}${path}`, {
          method: 'POST',
          headers: { ...bearer(gateway), 'content-type': 'application/json', 'content-encoding': encoding },
          body: gzipSync(JSON.stringify(body)),
        });
        const text = await response.text();
        expect([response.status, text], `${path} ${encoding}`).toEqual([
          415,
          expect.stringContaining(`Content-Encoding: ${encoding.toLowerCase().replace('identity, ', '')}`),
        ]);
        expect(JSON.parse(text), path).toMatchObject(
          path === '/graphql'
            ? { errors: [{ extensions: { code: 'UNSUPPORTED_CONTENT_ENCODING' } }] }
            : { success: false, error: { code: 'bad_request' } },
        );
      }
    }
    expect(await countJobs(gateway)).toBe(before);
    const plain = await send(gateway, '/graphql', {
      method: 'POST',
      headers: { ...bearer(gateway), 'content-type': 'application/json', 'content-encoding': 'identity' },
      body: '{"query":"{ __typename }"}',
    });
    expect(plain.body).toEqual({ data: { __typename: 'Query' } });
  });
});

test('trailing and duplicate slashes make no difference on any route', async () => {
  const gateway = standard();
  const headers = { ...bearer(gateway), 'content-type': 'application/json' };
  expect(
    (await send(gateway, '/graphql/', { method: 'POST', headers, body: '{"query":"{ __typename }"}' })).body,
  ).toEqual({ data: { __typename: 'Query' } });
  expect((await send(gateway, `/graphql/${queryOf('{__typename}')}`, { headers })).body).toEqual({
    data: { __typename: 'Query' },
  });
  expect((await upgrade(gateway.url, {}, ['graphql-transport-ws'], '/graphql/')).status).toBe(101);
  expect((await upgrade(gateway.url, {}, ['graphql-transport-ws'], '/graphql/?key=x')).status).toBe(101);
  expect((await upgrade(gateway.url, {}, ['graphql-transport-ws'], '//graphql//')).status).toBe(101);
  for (const path of ['/graphql/more', '/'])
    expect((await upgrade(gateway.url, {}, ['graphql-transport-ws'], path)).status, path).toBe(404);
  const rest = createRestClient(gateway);
  const { body } = await rest.post('/kling/motion/', { ...SEED_BODY, async: true });
  expect((await rest.post('/kling/tasks/', { action: 'retrieve', id: body.task_id })).body).toMatchObject({
    id: body.task_id,
  });
  for (const path of ['/livez/', '/readyz/', '/openapi.json/', '/playground/', '/playground'])
    expect((await fetch(`${gateway.url}${path}`)).status, path).toBe(200);
  expect((await rest.post('/kling/motion/more', {})).status).toBe(404);
});

test('a handshake that offers only unsupported subprotocols gets an error that names the supported one', async () => {
  const gateway = standard();
  for (const protocols of [
    ['graphql-ws'],
    ['graphql-ws', 'mqtt'],
    ['GRAPHQL-TRANSPORT-WS'],
    ['subscriptions-transport-ws'],
  ]) {
    const answer = await upgrade(gateway.url, {}, protocols);
    expect([answer.status, JSON.parse(answer.body)], protocols.join()).toMatchObject([
      400,
      {
        errors: [
          {
            message: expect.stringContaining('graphql-transport-ws') as string,
            extensions: { code: 'SUBPROTOCOL_NOT_SUPPORTED' },
          },
        ],
      },
    ]);
  }
  expect((await upgrade(gateway.url, {}, ['graphql-ws', 'graphql-transport-ws'])).status).toBe(101);
  await openSocket(gateway);
});

test('a request to an unknown host name gets an error that names the setting, over HTTP and on a socket', async () => {
  const gateway = await startGateway({ ALLOWED_HOSTS: 'gw.example.com, ::1' });
  const answer = await upgrade(gateway.url);
  expect([answer.status, answer.body]).toEqual([421, expect.stringMatching(/127\.0\.0\.1.*ALLOWED_HOSTS/)]);
  const overHttp = await send(gateway, '/graphql');
  expect([codeOf(overHttp), overHttp.body.errors![0]!.message]).toEqual([
    [421, 'MISDIRECTED_REQUEST'],
    expect.stringMatching(/127\.0\.0\.1.*ALLOWED_HOSTS/),
  ]);
  // Requests may name the host with any port. In the setting, an IPv6 address needs no brackets.
  for (const host of ['gw.example.com', 'gw.example.com:8443', '[::1]:4000'])
    expect((await upgrade(gateway.url, { headers: { host } })).status, host).toBe(101);
});
