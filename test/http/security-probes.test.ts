/**
 * Runs reimplemented probes of graphql-cop against production settings. None of them succeeds, over HTTP or on a
 * socket.
 */
import { describe, expect, test } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { shared } from '../support/on-end.ts';
import { openSocket, subscribe } from '../support/socket.ts';

const production = shared(() => startGateway({ NODE_ENV: 'production', UPSTREAM: 'sandbox' }));
const openProduction = shared(() => startGateway({ NODE_ENV: 'production', UPSTREAM: 'sandbox', INTROSPECTION: 'on' }));

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly body: {
    readonly data?: Record<string, unknown> | null;
    readonly errors?: readonly { readonly message: string; readonly extensions: Record<string, unknown> }[];
    readonly extensions?: object;
  };
}

async function send({ url, apiKey }: TestGateway, path: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(`${url}${path}`, {
    ...init,
    headers: { authorization: `Bearer ${apiKey}`, ...(init.headers as Record<string, string>) },
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') ?? false;
  return { status: response.status, text, body: isJson ? (JSON.parse(text) as Answer['body']) : {} };
}

const post = (gateway: TestGateway, query: unknown) =>
  send(gateway, '/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(query),
  });

/** Selections that each exceed one limit, for a query and for a subscription. */
const overloads: readonly (readonly [string, string])[] = [
  ['alias overloading', Array.from({ length: 101 }, (_, index) => `a${index}: __typename`).join(' ')],
  ['directive overloading', `__typename ${'@include(if: true) '.repeat(50)}`],
  ['field duplication', '__typename '.repeat(500)],
];

describe('in production', () => {
  test.each(overloads)('%s is rejected as too large on both transports', async (_name, fields) => {
    const gateway = production();
    const { body } = await post(gateway, { query: `query cop { ${fields} }` });
    expect(body.data).toBeUndefined();
    const codes = body.errors?.map(({ extensions }) => extensions.code);
    expect(codes).toContain('OPERATION_TOO_LARGE');
    const socket = await openSocket(gateway);
    socket.send(subscribe('a', `subscription { jobsUpdated { ${fields} } }`));
    expect(await socket.next()).toMatchObject({
      id: 'a',
      type: 'error',
      payload: expect.arrayContaining([
        expect.objectContaining({ extensions: { code: 'OPERATION_TOO_LARGE' } }),
      ]) as object[],
    });
  });

  test('a batch is rejected', async () => {
    const { body, status } = await post(
      production(),
      Array.from({ length: 10 }, () => ({ query: 'query cop { __typename }' })),
    );
    expect(status).toBe(400);
    expect(Array.isArray(body)).toBe(false);
    expect(body.data).toBeUndefined();
  });

  // GraphQL itself forbids introspection in a subscription, but not in a query of the same document.
  const watch = 'subscription watch { jobsUpdated { cursor } }';
  test.each([
    ['introspection', 'query cop { __schema { types { name fields { name } } } }'],
    [
      'circular introspection',
      `query cop { __schema { types { ${'fields { type { '.repeat(2)}name${' } }'.repeat(2)} } } }`,
    ],
    ['a type by its name', 'query cop { __type(name: "Query") { fields { name } } }'],
    ['introspection in a fragment', 'query cop { ...F } fragment F on Query { __schema { types { name } } }'],
  ])('%s is rejected on both transports, and only because introspection is off', async (_name, query) => {
    const refused = [
      expect.objectContaining({ message: expect.stringContaining('introspection has been disabled') as string }),
    ];
    const gateway = production();
    const { body } = await post(gateway, { query });
    expect([body.data, body.errors]).toEqual([undefined, expect.arrayContaining(refused)]);
    const socket = await openSocket(gateway);
    const both = { query: `${query} ${watch}`, operationName: 'watch' };
    socket.send({ id: 'a', type: 'subscribe', payload: both });
    expect(await socket.next()).toMatchObject({
      id: 'a',
      type: 'error',
      payload: expect.arrayContaining(refused) as object[],
    });

    const open = openProduction();
    expect((await post(open, { query })).body.errors).toBeUndefined();
    const openly = await openSocket(open);
    await expect.poll(() => open.live.watchers()).toBe(0);
    openly.send({ id: 'a', type: 'subscribe', payload: both });
    await expect.poll(() => open.live.watchers()).toBe(1);
  });

  test.each([
    // A page of another site cannot send a key in a header without a preflight request.
    ['a query by GET without a key', '/graphql?query=query%20cop%7B__typename%7D', { headers: { authorization: '' } }],
    [
      'a mutation by GET',
      '/graphql?query=mutation%20cop%7B__typename%7D',
      { headers: { 'apollo-require-preflight': 'true' } },
    ],
    [
      'a query in a form',
      '/graphql',
      {
        method: 'POST',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: 'query=query%20cop%20%7B__typename%7D',
      },
    ],
    [
      'a query as plain text',
      '/graphql',
      { method: 'POST', headers: { 'content-type': 'text/plain' }, body: '{"query":"{ __typename }"}' },
    ],
  ] satisfies [string, string, RequestInit][])(
    '%s, which another site can send, is rejected',
    async (_name, path, init) => {
      const { status, body } = await send(production(), path, init);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(500);
      expect(body.data ?? null).toBeNull();
    },
  );

  test('a misspelled name gets no suggestion on either transport', async () => {
    const gateway = production();
    const { text, body } = await post(gateway, { query: 'query cop { motionJob(id: "a") { stat } }' });
    expect(body.errors?.length).toBeGreaterThan(0);
    expect(text).not.toMatch(/did you mean/i);
    const socket = await openSocket(gateway);
    socket.send(subscribe('a', 'subscription { jobsUpdate { cursor } }'));
    const message = await socket.next();
    expect(message).toMatchObject({ type: 'error' });
    expect(JSON.stringify(message)).not.toMatch(/did you mean/i);
  });

  test('no page for running queries is served', async () => {
    const gateway = production();
    for (const path of ['/', '/graphiql', '/playground', '/console', '/graphql']) {
      const { status, text } = await send(gateway, path, { headers: { accept: 'text/html' } });
      expect(status, path).toBeGreaterThanOrEqual(400);
      expect(text, path).not.toMatch(/graphiql|graphql playground|apollo sandbox/i);
    }
  });

  test('no response reveals timings or where an error was raised', async () => {
    const gateway = production();
    expect((await post(gateway, { query: 'query cop { __typename }' })).body.extensions).toBeUndefined();
    for (const query of [
      'query cop { abc ',
      'query cop { abc }',
      'query cop($a: Int!) { motionJobs(first: $a) { nodes { id } } }',
      'query { motionJobs(after: "x") { nodes { id } } }',
    ]) {
      const { text } = await post(gateway, { query });
      expect(text, query).not.toMatch(/stacktrace|exception|node_modules|\.js:\d|\.ts:\d/i);
    }
  });
});
