/** Tests that a list costs the same whether its length is a literal, a variable or the default. */
import { describe, expect, test } from 'vitest';
import { faultsOf, startGateway } from '../../support/gateway.ts';
import { addJobs } from '../../support/old-jobs.ts';
import { shared } from '../../support/on-end.ts';
import { openSocket, subscribe } from '../../support/socket.ts';

const plain = shared(() => startGateway());

const EVENT = '{ id at type state version attempt verdict submitEnd httpStatus message upstreamTraceId }';

describe('a list length in a variable', () => {
  test('costs the same as a literal and is rejected in the same cases', async () => {
    const gateway = plain();
    await addJobs(gateway.databaseUrl, { ageDays: 1 });
    const query = `query ($first: Int!) { motionJobs(first: $first) { nodes { id timeline(first: 5) { nodes ${EVENT} } } } }`;
    const ask = async (variables: Record<string, unknown>) =>
      (await gateway.client.request(query, variables)).errors?.map(({ extensions, message }) => [
        extensions.code,
        message,
      ]) ?? 'answered';
    const written = async (first: string) =>
      (await gateway.client.request(query.replace('($first: Int!)', '').replace('$first', first))).errors?.map(
        ({ extensions, message }) => [extensions.code, message],
      ) ?? 'answered';
    expect(await ask({ first: 10 })).toBe('answered');
    for (const first of [1, 10, 69, 70, 100, 101, 2_147_483_647, 0, -1, -2_147_483_648])
      expect(await ask({ first }), String(first)).toEqual(await written(String(first)));
    expect(await ask({ first: 100 })).toMatchObject([['OPERATION_TOO_LARGE', expect.stringContaining('5000')]]);
    expect(await ask({ first: -1 })).toEqual([['BAD_USER_INPUT', '"first" must be between 1 and 100.']]);
    for (const first of [1.5, '10', null, 2 ** 31, 1e300, [], {}, true])
      expect(await ask({ first }), JSON.stringify(first)).toMatchObject([
        ['BAD_USER_INPUT', expect.stringContaining('Variable "$first"')],
      ]);
    expect(faultsOf(gateway)).toEqual([]);
  });

  const lengths: readonly [string, string, Record<string, unknown>, boolean][] = [
    [
      'the default of the variable',
      'query ($n: Int = 200) { motionJob(id: "a") { timeline(first: $n) { nodes { id at type } } } }',
      {},
      false,
    ],
    [
      'the value instead of the default',
      'query ($n: Int = 200) { motionJob(id: "a") { timeline(first: $n) { nodes { id at type } } } }',
      { n: 10 },
      true,
    ],
    [
      'the default of the argument',
      'query ($n: Int) { motionJob(id: "a") { timeline(first: $n) { nodes { id at type } } } }',
      {},
      true,
    ],
    [
      'a value that costs too much',
      'query ($n: Int!) { motionJob(id: "a") { timeline(first: $n) { nodes { id at type } } } }',
      { n: 200 },
      false,
    ],
    [
      'a variable in a fragment',
      'query ($n: Int!) { motionJob(id: "a") { ...F } } fragment F on MotionJob { timeline(first: $n) { nodes { id at type } } }',
      { n: 200 },
      false,
    ],
    [
      'a small variable in a fragment that is spread twice',
      'query ($n: Int!) { a: motionJob(id: "a") { ...F } b: motionJob(id: "b") { ...F } } fragment F on MotionJob { timeline(first: $n) { nodes { id at type } } }',
      { n: 20 },
      true,
    ],
    [
      'variables in nested lists',
      'query ($a: Int!, $b: Int!) { motionJobs(first: $a) { nodes { timeline(first: $b) { nodes { id } } } } }',
      { a: 15, b: 15 },
      false,
    ],
    [
      'small variables in nested lists',
      'query ($a: Int!, $b: Int!) { motionJobs(first: $a) { nodes { timeline(first: $b) { nodes { id } } } } }',
      { a: 5, b: 5 },
      true,
    ],
    [
      'a skipped list, which costs nothing',
      'query ($n: Int!, $all: Boolean!) { motionJob(id: "a") { id timeline(first: $n) @include(if: $all) { nodes { id at type } } } }',
      { n: 200, all: false },
      true,
    ],
    [
      'an included list',
      'query ($n: Int!, $all: Boolean!) { motionJob(id: "a") { id timeline(first: $n) @include(if: $all) { nodes { id at type } } } }',
      { n: 200, all: true },
      false,
    ],
  ];
  test('uses the default if it has no value, at any depth, and costs nothing if skipped', async () => {
    const gateway = await startGateway({ MAX_COST: '300' });
    for (const [name, query, variables, passes] of lengths) {
      const { errors } = await gateway.client.request(query, variables);
      expect(
        errors?.map(({ extensions }) => extensions.code),
        name,
      ).toEqual(passes ? undefined : ['OPERATION_TOO_LARGE']);
    }
  });

  test('is priced per request, not per document, also on a socket', async () => {
    const gateway = plain();
    const [id] = await addJobs(gateway.databaseUrl, { ageDays: 1 });
    const { send, next } = await openSocket(gateway);
    const query =
      'subscription ($id: ID!, $n: Int!) { jobUpdated(id: $id) { id timeline(first: $n) { nodes { id at type } } } }';
    for (const [name, n, type] of [
      ['a', 10, 'next'],
      ['b', 200, 'error'],
      ['c', 10, 'next'],
      ['d', 120, 'next'],
      ['e', 125, 'error'],
    ] as const) {
      send(subscribe(name, query, { id, n }));
      const message = await next();
      expect([message.id, message.type], name).toEqual([name, type]);
      if (type === 'error') expect(message.payload).toMatchObject([{ extensions: { code: 'OPERATION_TOO_LARGE' } }]);
      else expect(await next()).toMatchObject({ id: name, type: 'complete' });
    }
  });
});
