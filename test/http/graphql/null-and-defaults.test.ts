/** Tests null for arguments with defaults, and empty parameters, over HTTP (POST and GET) and on a socket. */
import { describe, expect, test } from 'vitest';
import { makeAccount } from '../../support/administrator.ts';
import { EXAMPLE } from '../../support/client.ts';
import { faultsOf, startGateway, type TestGateway } from '../../support/gateway.ts';
import { addJobs } from '../../support/old-jobs.ts';
import { shared } from '../../support/on-end.ts';
import { openSocket, subscribe } from '../../support/socket.ts';

const [i, v] = [EXAMPLE.imageUrl, EXAMPLE.videoUrl];
const GENERATE = 'generateMotion(input: { imageUrl: $i, videoUrl: $v, mode: $m }) { job { id } userErrors { code } }';

interface Answer {
  readonly data?: object | null;
  readonly errors?: readonly { readonly message: string; readonly extensions: Record<string, unknown> }[];
}

async function get({ url, apiKey }: TestGateway, query: string, variables: object): Promise<Answer> {
  const search = new URLSearchParams({ query, variables: JSON.stringify(variables) });
  const response = await fetch(`${url}/graphql?${search.toString()}`, {
    headers: { authorization: `Bearer ${apiKey}`, 'apollo-require-preflight': 'true' },
  });
  return (await response.json()) as Answer;
}

const plain = shared(() => startGateway());

describe('null for an argument with a default', () => {
  const queries: readonly [string, Record<string, unknown>, string][] = [
    [
      'query ($first: Int) { motionJobs(first: $first) { nodes { id } } }',
      { first: null },
      'Argument "first" of non-null type "Int!" must not be null.',
    ],
    [
      'query ($on: Boolean = true) { viewer { account { id @include(if: $on) } } }',
      { on: null },
      'Argument "if" of non-null type "Boolean!" must not be null.',
    ],
    [
      'query ($first: Int) { viewer { keys(first: $first) { id } } }',
      { first: null },
      'Argument "first" of non-null type "Int!" must not be null.',
    ],
    [
      'query ($by: UsageBy) { viewer { usage(from: "2026-01-01T00:00:00Z", to: "2026-02-01T00:00:00Z", by: $by) { jobs } } }',
      { by: null },
      'Argument "by" of non-null type "UsageBy!" must not be null.',
    ],
    [
      'query ($first: Int) { webhookDeliveries(first: $first) { nodes { id } } }',
      { first: null },
      'Argument "first" of non-null type "Int!" must not be null.',
    ],
    [
      'query ($first: Int) { motionJob(id: "unknown") { timeline(first: $first) { nodes { id } } } }',
      { first: null },
      'Argument "first" of non-null type "Int!" must not be null.',
    ],
  ];
  test('in a query is rejected with BAD_USER_INPUT and the message of GraphQL, for POST and GET', async () => {
    const gateway = plain();
    for (const [query, variables, message] of queries) {
      const expected = { errors: [{ message, extensions: { code: 'BAD_USER_INPUT' } }] };
      expect(await gateway.client.request(query, variables), query).toMatchObject({ status: 200, ...expected });
      expect(
        await gateway.client.request(query, variables, { accept: 'application/graphql-response+json' }),
        query,
      ).toMatchObject({ status: 400, ...expected });
      expect(await get(gateway, query, variables), query).toMatchObject(expected);
    }
    expect(faultsOf(gateway)).toEqual([]);
  });

  const mutations: readonly [string, string, Record<string, unknown>, RegExp][] = [
    [
      'in the document',
      `mutation ($i: URL!, $v: URL!, $m: MotionMode) { ${GENERATE} }`,
      { i, v, m: null },
      /^Argument "input" has invalid value: "input\.mode" of non-null type "MotionMode!" must not be null/,
    ],
    [
      'in the variable',
      'mutation ($input: GenerateMotionInput!) { generateMotion(input: $input) { job { id } } }',
      { input: { ...EXAMPLE, mode: null } },
      /invalid value null at "input\.mode"/,
    ],
    [
      'in a label',
      'mutation ($input: GenerateMotionInput!) { generateMotion(input: $input) { job { id } } }',
      {
        input: {
          ...EXAMPLE,
          labels: [
            { key: 'a', value: 'b' },
            { key: null, value: 'b' },
          ],
        },
      },
      /invalid value null at "input\.labels\[1\]\.key"/,
    ],
    [
      'as a value of thousands of characters',
      'mutation ($input: GenerateMotionInput!) { generateMotion(input: $input) { job { id } } }',
      { input: { ...EXAMPLE, mode: 'x'.repeat(2_000) } },
      /at "input\.mode"/,
    ],
    [
      'in the second of two fields',
      `mutation ($i: URL!, $v: URL!, $m: MotionMode) { a: ${GENERATE.replace(', mode: $m', '')} b: ${GENERATE} }`,
      { i, v, m: null },
      /"input\.mode"/,
    ],
    [
      'in a directive on a returned field',
      `mutation ($i: URL!, $v: URL!, $on: Boolean = true) { ${GENERATE.replace(', mode: $m', '').replace('job { id }', 'job { id @include(if: $on) }')} }`,
      { i, v, on: null },
      /^Argument "if" of non-null type/,
    ],
  ];
  test('in a mutation is rejected with BAD_USER_INPUT and the path, and no job is accepted', async () => {
    const gateway = plain();
    const { client } = await makeAccount(gateway);
    for (const [name, query, variables, message] of mutations) {
      const { data, errors } = await client.request(query, variables);
      expect([data, errors], name).toMatchObject([
        undefined,
        [{ message: expect.stringMatching(message) as string, extensions: { code: 'BAD_USER_INPUT' } }],
      ]);
    }
    expect(
      (await client.request<{ motionJobs: { nodes: object[] } }>('{ motionJobs { nodes { id } } }')).data.motionJobs
        .nodes,
    ).toEqual([]);
    expect(faultsOf(gateway)).toEqual([]);
  });

  const subscriptions: readonly [string, Record<string, unknown>, RegExp][] = [
    [
      'subscription ($id: ID!, $n: Int) { jobUpdated(id: $id) { id timeline(first: $n) { nodes { id } } } }',
      { n: null },
      /^Argument "first" of non-null type "Int!" must not be null/,
    ],
    [
      'subscription ($id: ID!, $on: Boolean = true) { jobUpdated(id: $id) { id state @skip(if: $on) } }',
      { on: null },
      /^Argument "if" of non-null type "Boolean!" must not be null/,
    ],
    [
      'subscription ($id: ID!, $on: Boolean = true) { jobUpdated(id: $id) { ...F @include(if: $on) } } fragment F on MotionJob { id }',
      { on: null },
      /^Argument "if"/,
    ],
    [
      'subscription ($id: ID!) { jobUpdated(id: $id) { id } }',
      { id: null },
      /^Variable "\$id" of non-null type "ID!" must not be null/,
    ],
  ];
  test('in a subscription is rejected with BAD_USER_INPUT, and the socket stays open', async () => {
    const gateway = plain();
    const [id] = await addJobs(gateway.databaseUrl, { ageDays: 1 });
    const { send, next } = await openSocket(gateway);
    for (const [query, variables, message] of subscriptions) {
      send(subscribe('a', query, { id, ...variables }));
      expect(await next(), query).toMatchObject({
        id: 'a',
        type: 'error',
        payload: [{ message: expect.stringMatching(message) as string, extensions: { code: 'BAD_USER_INPUT' } }],
      });
    }
    send(subscribe('b', 'subscription ($id: ID!) { jobUpdated(id: $id) { id } }', { id }));
    expect(await next()).toMatchObject({ id: 'b', type: 'next', payload: { data: { jobUpdated: { id } } } });
    expect(await next()).toMatchObject({ id: 'b', type: 'complete' });
    await expect.poll(() => gateway.live.watchers()).toBe(0);
    expect(faultsOf(gateway)).toEqual([]);
  });
});

describe('empty parameters', () => {
  test('count as absent in POST and GET requests', async () => {
    const { url, apiKey } = plain();
    const headers = { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' };
    const bodies = [
      { operationName: '' },
      { operationName: null },
      { operationName: '', variables: '', extensions: '' },
      { variables: null, extensions: null },
    ];
    for (const more of bodies) {
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers,
        body: JSON.stringify({ query: 'query A { __typename }', ...more }),
      });
      expect(await response.json(), JSON.stringify(more)).toEqual({ data: { __typename: 'Query' } });
    }
    for (const more of [
      '&operationName=',
      '&operationName=&variables=&extensions=',
      '&variables=null',
      '&variables=%7B%7D&operationName=A',
    ]) {
      const response = await fetch(`${url}/graphql?query=query%20A%7B__typename%7D${more}`, {
        headers: { ...headers, 'apollo-require-preflight': 'true' },
      });
      expect(await response.json(), more).toEqual({ data: { __typename: 'Query' } });
    }
    const twice = await fetch(`${url}/graphql?query=query%20A%7B__typename%7D&operationName=&operationName=A`, {
      headers,
    });
    expect(twice.status).toBe(400);
  });

  test('count as absent on a socket, and an empty operation name is an error if a name is required', async () => {
    const gateway = plain();
    const [id] = await addJobs(gateway.databaseUrl, { ageDays: 1 });
    const { send, next } = await openSocket(gateway);
    const one = 'subscription A($id: ID!) { jobUpdated(id: $id) { id } }';
    send({ id: 'a', type: 'subscribe', payload: { query: one, variables: { id }, operationName: '' } });
    expect([await next(), await next()]).toMatchObject([
      { id: 'a', type: 'next' },
      { id: 'a', type: 'complete' },
    ]);
    send({
      id: 'b',
      type: 'subscribe',
      payload: { query: `${one} ${one.replace('A', 'B')}`, variables: { id }, operationName: '' },
    });
    expect(await next()).toMatchObject({
      id: 'b',
      type: 'error',
      payload: [{ extensions: { code: 'OPERATION_RESOLUTION_FAILURE' } }],
    });
    const two = await gateway.client.request('query A { __typename } query B { __typename }');
    expect(two.errors).toMatchObject([{ extensions: { code: 'OPERATION_RESOLUTION_FAILURE' } }]);
  });
});
