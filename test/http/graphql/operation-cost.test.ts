/**
 * Tests the cost of operations: fields with a database read of their own cost more, and a subscription is priced per
 * event.
 */
import { getOperationAST, isObjectType, parse } from 'graphql';
import { describe, expect, test } from 'vitest';
import { createValueCheck } from '../../../src/http/graphql/operation-values.ts';
import { buildGatewaySchema } from '../../../src/resolvers/build-schema.ts';
import { startGateway } from '../../support/gateway.ts';
import { addJobs } from '../../support/old-jobs.ts';
import { openSocket, subscribe } from '../../support/socket.ts';

const schema = await buildGatewaySchema();

/** Returns the lowest limit that lets the operation pass: that for queries, or that for subscriptions. */
function costOf(query: string): number {
  const document = parse(query);
  const passes = (cost: number, isSubscription: boolean) => {
    const limits = { maxCost: isSubscription ? -1 : cost, maxSubscriptionCost: isSubscription ? cost : -1 };
    return createValueCheck(schema, limits)(document, getOperationAST(document)!, {}).length === 0;
  };
  for (let cost = 0; cost <= 1_000; cost += 1) if (passes(cost, query.startsWith('subscription'))) return cost;
  return Infinity;
}

describe('the cost of an operation', () => {
  test.each([
    // Client libraries add `__typename` to every selection. With an alias, it is a field like any other.
    ['{ __typename }', 0],
    ['{ a: __typename b: __typename }', 2],
    ['{ motionJobs(first: 50) { __typename nodes { __typename id } } }', 10 + 50 + 50],
    ['{ __schema { types { name fields { name } } } }', 1],
    ['{ motionJob(id: "a") { id state } }', 12],
    ['{ motionJob(id: "a") { id } b: motionJob(id: "b") { id } }', 22],
    ['{ motionJob(id: "a") { queuePosition } }', 20],
    [
      '{ motionJob(id: "a") { queuePosition estimatedCompletionAt timeline(first: 2) { nodes { at } } } }',
      10 + 30 + 2 + 2,
    ],
    ['{ motionJobs(first: 5) { nodes { queuePosition } } }', 10 + 5 + 50],
    ['{ motionJobs { nodes { queuePosition } } }', 10 + 20 + 200],
    ['{ motionJobs(first: 5) { nodes { timeline { nodes { at } } } } }', 10 + 5 + 50 + 250 + 250],
    // The nodes of a list have already been read; only the `node` field at the top causes a read.
    ['{ node(id: "a") { ... on MotionJob { queuePosition } } }', 20],
    ['{ motionJobs(first: 2) { edges { node { id } } } }', 10 + 2 + 2 + 2],
    [
      '{ motionJobs(first: 2) { ...Page } } fragment Page on MotionJobConnection { nodes { ...Job } } fragment Job on MotionJob { queuePosition }',
      10 + 2 + 20,
    ],
    ['{ motionJobs(first: 2) { nodes { ... { queuePosition } } } }', 10 + 2 + 20],
    ['subscription { jobUpdated(id: "a") { version } }', 2],
    ['subscription { jobsUpdated { job { queuePosition timeline(first: 2) { nodes { at } } } } }', 1 + 1 + 20 + 4],
  ])('%s is %i', (query, cost) => expect(costOf(query)).toBe(cost));

  test('is higher for every nested field with a resolver of its own, which may read from the database', () => {
    const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
    const below = Object.values(schema.getTypeMap()).filter(
      (type) => isObjectType(type) && !type.name.startsWith('__') && !roots.includes(type),
    );
    const resolved = below.flatMap((type) =>
      isObjectType(type) ? Object.values(type.getFields()).filter(({ resolve }) => resolve) : [],
    );
    expect(resolved.map(({ name }) => name).sort()).toEqual([
      'estimatedCompletionAt',
      'keys',
      'queuePosition',
      'timeline',
      'usage',
    ]);
    for (const { name, extensions } of resolved) expect(extensions.complexity, name).toBeGreaterThan(1);
  });
});

const everything = (first: number) =>
  `subscription ($id: ID!) { jobUpdated(id: $id) { version queuePosition timeline(first: ${first}) { nodes { type at message } } } }`;

test('a subscription that costs too much per event is rejected when it starts, and a query of the same cost is not', async () => {
  const gateway = await startGateway({ MAX_SUBSCRIPTION_COST: '100' });
  const [id] = await addJobs(gateway.databaseUrl, { ageDays: 1 });
  const { send, next } = await openSocket(gateway);
  send(subscribe('a', everything(30), { id }));
  expect(await next()).toMatchObject({
    id: 'a',
    type: 'error',
    payload: [{ extensions: { code: 'OPERATION_TOO_LARGE' }, message: expect.stringContaining('100') as string }],
  });
  expect(gateway.live.watchers()).toBe(0);
  send(subscribe('b', everything(10), { id }));
  expect(await next()).toMatchObject({ id: 'b', type: 'next', payload: { data: { jobUpdated: { version: 1 } } } });
  expect(
    (
      await gateway.client.request(everything(30).replace('subscription', 'query').replace('jobUpdated', 'motionJob'), {
        id: id!,
      })
    ).errors,
  ).toBeUndefined();
});
