/** Tests that `@skip` and `@include` are rejected at the root of a subscription, over HTTP and on a socket. */
import { describe, expect, test } from 'vitest';
import { faultsOf, startGateway } from '../../support/gateway.ts';
import { addJobs } from '../../support/old-jobs.ts';
import { shared } from '../../support/on-end.ts';
import { openSocket, subscribe } from '../../support/socket.ts';

const plain = shared(() => startGateway());

describe('a condition at the root of a subscription', () => {
  const conditions: readonly [string, Record<string, unknown>][] = [
    ['subscription ($on: Boolean!) { jobsUpdated @include(if: $on) { cursor } }', { on: true }],
    ['subscription ($on: Boolean!) { jobsUpdated @skip(if: $on) { cursor } }', { on: false }],
    ['subscription { jobsUpdated @include { cursor } }', {}],
    ['subscription { jobsUpdated @include(if: false) { cursor } }', {}],
    ['subscription { jobsUpdated @skip(if: true) { cursor } }', {}],
    ['subscription { ... @include(if: false) { jobsUpdated { cursor } } }', {}],
    ['subscription { ...F @skip(if: true) } fragment F on Subscription { jobsUpdated { cursor } }', {}],
    [
      'subscription { ...F } fragment F on Subscription { ... on Subscription { jobsUpdated @include(if: false) { cursor } } ...F }',
      {},
    ],
  ];
  const refused = [
    {
      message: expect.stringMatching(/^"@(skip|include)" is not allowed at the root of a subscription/) as string,
      extensions: { code: 'GRAPHQL_VALIDATION_FAILED' },
    },
  ];

  test('is rejected with GRAPHQL_VALIDATION_FAILED over HTTP, even if another operation of the document is requested', async () => {
    const gateway = plain();
    for (const [query, variables] of conditions) {
      expect(await gateway.client.request(query, variables), query).toMatchObject({ errors: refused });
      const url = `${gateway.url}/graphql?${new URLSearchParams({ query, variables: JSON.stringify(variables) }).toString()}`;
      expect(
        await (await fetch(url, { headers: { authorization: `Bearer ${gateway.apiKey}` } })).json(),
        query,
      ).toMatchObject({ errors: refused });
    }
    const body = {
      query: `query A { __typename } ${conditions[0]![0].replace('subscription', 'subscription B')}`,
      operationName: 'A',
    };
    const headers = { authorization: `Bearer ${gateway.apiKey}`, 'content-type': 'application/json' };
    expect(
      await (await fetch(`${gateway.url}/graphql`, { method: 'POST', headers, body: JSON.stringify(body) })).json(),
    ).toMatchObject({ errors: refused });
    expect(faultsOf(gateway)).toEqual([]);
  });

  test('is rejected with GRAPHQL_VALIDATION_FAILED on a socket, which stays open', async () => {
    const gateway = plain();
    const { send, next } = await openSocket(gateway);
    for (const [query, variables] of conditions) {
      send(subscribe('a', query, variables));
      expect(await next(), query).toMatchObject({ id: 'a', type: 'error', payload: refused });
    }
    expect(faultsOf(gateway)).toEqual([]);
  });

  test('is allowed below that root, and at the root of a query', async () => {
    const gateway = plain();
    expect(
      await gateway.client.request('query ($on: Boolean!) { motionJobs @include(if: $on) { nodes { id } } }', {
        on: false,
      }),
    ).toMatchObject({ data: {} });
    const [id] = await addJobs(gateway.databaseUrl, { ageDays: 1 });
    const { send, next } = await openSocket(gateway);
    send(
      subscribe('a', 'subscription ($id: ID!, $on: Boolean!) { jobUpdated(id: $id) { id state @skip(if: $on) } }', {
        id,
        on: true,
      }),
    );
    expect(await next()).toMatchObject({ type: 'next', payload: { data: { jobUpdated: { id } } } });
  });
});
