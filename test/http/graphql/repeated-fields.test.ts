/**
 * Tests that the limit on repeated fields counts occurrences at one path of the response, not occurrences of a name in
 * the document.
 */
import { parse, validate, type GraphQLError } from 'graphql';
import { expect, test } from 'vitest';
import { createOperationCheck, createOperationRules } from '../../../src/http/graphql/operation-limits.ts';
import { buildGatewaySchema } from '../../../src/resolvers/build-schema.ts';
import { startGateway } from '../../support/gateway.ts';
import { addJobs } from '../../support/old-jobs.ts';
import { openSocket, subscribe } from '../../support/socket.ts';

const schema = await buildGatewaySchema();
const limits = {
  maxDepth: 15,
  maxAliases: 30,
  maxDirectives: 30,
  maxFieldRepeats: 30,
  maxCost: 5_000,
  maxSubscriptionCost: 500,
};
const times = (count: number, part: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => part(index)).join(' ');
const refusals = (query: string): string[] =>
  createOperationCheck(
    schema,
    createOperationRules(limits, true),
    10_000,
  )(query).map((error: GraphQLError) => error.message.replace(/^The operation has /, ''));
const TOO_OFTEN = ['the same field too many times; the limit is 30.'];
const jobs = (count: number, selection: string) =>
  `{ ${times(count, (index) => `j${index}: motionJob(id: "a") { ${selection} }`)} }`;

test.each<[string, string]>([
  ['16 jobs as a client library requests them', jobs(16, 'id state __typename video { url __typename }')],
  [
    '30 jobs with many fields',
    jobs(
      30,
      '__typename id version state createdAt failure { __typename code message } timeline(first: 1) { __typename nodes { __typename at } }',
    ),
  ],
  [
    'a field 30 times in each of many places',
    `{ motionJobs { nodes { ${times(30, () => 'id')} } pageInfo { ${times(30, () => 'endCursor')} } } }`,
  ],
  [
    'a fragment that is spread 40 times, which counts once',
    `{ motionJobs { nodes { ${times(40, () => '...F')} } } } fragment F on MotionJob { id }`,
  ],
  [
    '40 fragments that share another one',
    `{ motionJobs { nodes { ${times(40, (index) => `...F${index}`)} } } } fragment G on MotionJob { id state } ${times(40, (index) => `fragment F${index} on MotionJob { ...G }`)}`,
  ],
])('accepts %s', (_name, query) => {
  expect(validate(schema, parse(query))).toEqual([]);
  expect(refusals(query)).toEqual([]);
});

test.each<[string, string]>([
  ['__typename 200 times', `{ ${times(200, () => '__typename')} }`],
  ['__typename 200 times in a job', `{ motionJob(id: "a") { ${times(200, () => '__typename')} } }`],
  ['a field 31 times', `{ motionJob(id: "a") { ${times(31, () => 'id')} } }`],
  ['a field 31 times under one alias', `{ motionJob(id: "a") { ${times(30, () => 'a: id')} ... { a: id } } }`],
  ['a field 31 times in inline fragments', `{ motionJob(id: "a") { ${times(31, () => '... on MotionJob { id }')} } }`],
  [
    'a field 31 times in fragments',
    `{ motionJob(id: "a") { ${times(31, (index) => `...F${index}`)} } } ${times(31, (index) => `fragment F${index} on MotionJob { id }`)}`,
  ],
  [
    '6 times 6 fields at one path',
    `{ ${times(6, () => `motionJob(id: "a") { video { ${times(6, () => 'url')} } }`)} }`,
  ],
  [
    '2^5 fields at one path',
    `{ ${times(2, () => `motionJobs { ${times(2, () => `edges { ${times(2, () => `node { ${times(2, () => `video { ${times(2, () => 'url')} }`)} }`)} }`)} }`)} }`,
  ],
  ['a field 31 times in introspection', `{ __schema { types { ${times(31, () => 'name')} } } }`],
])('rejects %s', (_name, query) => expect(refusals(query)).toContain(TOO_OFTEN[0]));

test('counting stops early if fragments expand to too many selections', () => {
  const wide = (levels: number) =>
    times(
      levels,
      (index) =>
        `fragment F${index} on __Type { ofType { ...F${index + 1} } interfaces { ...F${index + 1} } possibleTypes { ...F${index + 1} } }`,
    ) + ` fragment F${levels} on __Type { name }`;
  expect(refusals(`{ __schema { types { ...F0 } } } ${wide(12)}`)).toEqual([
    'too many selections after its fragments are expanded; the limit is 5000.',
  ]);
  expect(refusals(`{ __schema { types { ...F0 } } } ${wide(5)}`)).toEqual([]);
  // The validation rules of GraphQL report cycles. All operations of a document share one budget.
  expect(refusals('{ motionJob(id: "a") { ...F } } fragment F on MotionJob { video { url } ...F }')).toEqual([]);
  expect(refusals(`${times(40, (index) => `query Q${index} { __schema { types { ...F0 } } }`)} ${wide(5)}`)).toContain(
    'too many selections after its fragments are expanded; the limit is 5000.',
  );
});

test('directives inside fragments count at every spread, on both transports', async () => {
  const fragment = (count: number) =>
    `fragment F on MotionJob { id ${times(count, (index) => `f${index}: state @include(if: true)`)} }`;
  const query = (spreads: number, count: number) =>
    `query ($id: ID!) { motionJob(id: $id) { ${times(spreads, () => '...F')} } } ${fragment(count)}`;
  const gateway = await startGateway({ MAX_ALIASES: '1000', MAX_FIELD_REPEATS: '1000' });
  const [id] = await addJobs(gateway.databaseUrl, { ageDays: 1 });
  const { send, next } = await openSocket(gateway);
  for (const [spreads, count, passes] of [
    [1, 30, true],
    [1, 31, false],
    [2, 15, true],
    [2, 16, false],
    [16, 2, false],
  ] as const) {
    const { errors } = await gateway.client.request(query(spreads, count), { id: id! });
    expect(
      errors?.map(({ message }) => message),
      `${spreads} times ${count}`,
    ).toEqual(passes ? undefined : ['The operation has too many directives; the limit is 30.']);
    send(
      subscribe(
        `${spreads} ${count}`,
        query(spreads, count).replace('query', 'subscription').replace('motionJob(', 'jobUpdated('),
        { id },
      ),
    );
    expect(await next()).toMatchObject({ id: `${spreads} ${count}`, type: passes ? 'next' : 'error' });
    if (passes) expect(await next()).toMatchObject({ type: 'complete' });
  }
});

test('a query for 16 jobs with the __typename of a client library is answered, and one with 200 __typename is rejected', async () => {
  const gateway = await startGateway();
  const [id] = await addJobs(gateway.databaseUrl, { ageDays: 1 });
  const { data, errors } = await gateway.client.request<Record<string, object>>(
    jobs(16, 'id state __typename video { url __typename }').replaceAll('"a"', `"${id}"`),
  );
  expect([errors, Object.keys(data).length]).toEqual([undefined, 16]);
  expect(data.j15).toMatchObject({ id, __typename: 'MotionJob', video: { __typename: 'MotionVideo' } });
  expect((await gateway.client.request(`{ ${times(200, () => '__typename')} }`)).errors).toMatchObject([
    { message: expect.stringContaining('limit is 30') as string, extensions: { code: 'OPERATION_TOO_LARGE' } },
  ]);
});
