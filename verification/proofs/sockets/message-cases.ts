/** Messages of the graphql-transport-ws protocol: their order, their form and their number. */
import type { Message, RawSocket } from './raw-socket.ts';
import {
  after,
  initOf,
  MAX_SUBSCRIPTIONS,
  MESSAGES_AT_ONCE,
  outcomeOf,
  untilEnd,
  watch,
  type SocketCase,
  type SocketBench,
} from './socket-bench.ts';

const sending = (...messages: readonly (Message | string)[]) =>
  after(async (socket) => {
    for (const message of messages) await socket.send(message);
  });

const badRequest = (name: string, message: Message | string): SocketCase => ({
  name,
  expected: 'closed 4400',
  act: sending(message),
});

const subscribeWith = (payload: unknown, id: unknown = '1'): Message => ({ id, type: 'subscribe', payload });

const QUERY = 'subscription { jobsUpdated { cursor } }';

/** Runs on a socket that has not sent anything yet. */
const opened =
  (said: (socket: RawSocket, bench: SocketBench) => unknown) =>
  async (bench: SocketBench): Promise<string> => {
    const socket = bench.dial();
    await said(socket, bench);
    return socket.end;
  };

const initialised = (name: string, payload: unknown): SocketCase => ({
  name,
  expected: 'closed 4403',
  act: opened((socket) => socket.send({ type: 'connection_init', payload })),
});

/** Returns the code of the first error of a subscription, and the outcome of the socket. */
const refused =
  (message: (bench: SocketBench) => Message) =>
  async (bench: SocketBench): Promise<string> => {
    const socket = await bench.connect();
    await socket.send(message(bench));
    const { type, payload } = (await socket.next()) ?? {};
    // An error of the document arrives as `error`, an error of its execution within `next`.
    const errors = (type === 'error' ? payload : (payload as { errors?: unknown } | undefined)?.errors) as
      { extensions?: { code?: string } }[] | undefined;
    return `${errors?.[0]?.extensions?.code ?? 'no error'}, ${await outcomeOf(socket)}`;
  };

/** Waits for the state of the lasting job under this id. */
async function expectState(socket: RawSocket, id: string): Promise<void> {
  const message = await socket.next();
  if (message?.type !== 'next' || message.id !== id)
    throw new Error(`instead of the state of ${id}: ${JSON.stringify(message)}`);
}

/** Treats any id like all others: it is answered, taken while its subscription is active, and free afterwards. */
const strangeId = (id: string): SocketCase => ({
  name: `a subscription named ${id.length > 20 ? `by ${id.length} characters` : id} works like any other`,
  expected: 'closed 4409',
  act: untilEnd(async (socket, bench) => {
    await socket.send(watch(id, bench, null));
    await expectState(socket, id);
    await socket.send({ id, type: 'complete' });
    await socket.send({ type: 'ping' });
    await socket.next();
    await socket.send(watch(id, bench, null));
    await expectState(socket, id);
    await socket.send(watch(id, bench, null));
  }),
});

/** Returns nested lists as text, because serializing them would be as hard as parsing them. */
const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;
const DEPTHS = [1_000, 10_000, 30_000];

const HANG_UPS = 60;

export const messageCases: readonly SocketCase[] = [
  { name: 'no connection_init', expected: 'closed 4408', act: opened(() => undefined) },
  {
    name: 'a ping in place of connection_init is answered, and does not replace it',
    expected: 'closed 4408',
    act: opened((socket) => socket.send({ type: 'ping' })),
  },
  {
    name: 'a second connection_init',
    expected: 'closed 4429',
    act: after((socket, bench) => socket.send(initOf(bench))),
  },
  {
    name: 'a second connection_init before the first is acknowledged',
    expected: 'closed 4429',
    act: opened(async (socket, bench) => [await socket.send(initOf(bench)), await socket.send(initOf(bench))]),
  },
  {
    name: 'a subscription before connection_init',
    expected: 'closed 4401',
    act: opened((socket, bench) => socket.send(watch('1', bench))),
  },
  {
    name: 'a subscription before connection_ack',
    expected: 'closed 4401',
    act: opened(async (socket, bench) => [await socket.send(initOf(bench)), await socket.send(watch('1', bench))]),
  },
  initialised('a wrong key', { authorization: 'Bearer wrong' }),
  initialised('a key of 60 kB', { authorization: `Bearer ${'x'.repeat(60_000)}` }),
  initialised('no credentials', {}),
  initialised('credentials without a payload', undefined),
  ...[7, true, null, [], ['Bearer x'], { toString: 'x' }].map((authorization) =>
    initialised(`${JSON.stringify(authorization)} for credentials`, { authorization }),
  ),
  {
    name: 'credentials of __proto__',
    expected: 'closed 4403',
    act: opened((socket, { apiKey }) =>
      socket.send(`{"type":"connection_init","payload":{"__proto__":{"authorization":"Bearer ${apiKey}"}}}`),
    ),
  },
  { name: 'a disconnect before connection_ack releases the slot', expected: 'stays open', act: hangingUp },

  badRequest('what is no JSON', '{"type":'),
  badRequest('JSON with more behind it', '{"type":"ping"}{"type":"ping"}'),
  ...['[]', '"ping"', '7', 'null', 'true', '{}', '[{"type":"ping"}]'].map((text) =>
    badRequest(`${text} for a message`, text),
  ),
  badRequest('a message of an unknown type', { type: 'start' }),
  badRequest('a type that is no text', { type: ['ping'] }),
  badRequest('a type of __proto__', '{"__proto__":{"type":"ping"}}'),
  badRequest('the type constructor', { type: 'constructor' }),
  badRequest('the payload of a ping that is no object', { type: 'ping', payload: 'x' }),
  badRequest('the payload of a second connection_init that is no object', { type: 'connection_init', payload: [] }),
  ...['connection_ack', 'next', 'error'].map((type) =>
    badRequest(`${type}, which only servers say`, {
      id: '1',
      type,
      payload: type === 'error' ? [{ message: 'x' }] : {},
    }),
  ),

  badRequest('a subscription without an id', { type: 'subscribe', payload: { query: QUERY } }),
  badRequest('a subscription with an empty id', subscribeWith({ query: QUERY }, '')),
  badRequest('a subscription with a number for its id', subscribeWith({ query: QUERY }, 7)),
  badRequest('a subscription without a payload', subscribeWith(undefined)),
  badRequest('a subscription with a list for its payload', subscribeWith([])),
  badRequest('a subscription without a query', subscribeWith({})),
  badRequest('a query that is no text', subscribeWith({ query: { kind: 'Document' } })),
  badRequest('variables that are a list', subscribeWith({ query: QUERY, variables: [] })),
  badRequest('variables that are text', subscribeWith({ query: QUERY, variables: '{}' })),
  badRequest('a name of an operation that is no text', subscribeWith({ query: QUERY, operationName: 7 })),
  badRequest('extensions that are a list', subscribeWith({ query: QUERY, extensions: [] })),
  badRequest('a complete without an id', { type: 'complete' }),

  {
    name: 'a complete for an unknown id',
    expected: 'stays open',
    act: sending(
      { id: 'unknown', type: 'complete' },
      { id: '__proto__', type: 'complete' },
      { id: 'constructor', type: 'complete' },
    ),
  },
  {
    name: 'an unsolicited pong',
    expected: 'stays open',
    act: sending({ type: 'pong' }, { type: 'pong', payload: { deep: {} } }),
  },
  {
    name: 'an id in use',
    expected: 'closed 4409',
    act: after(async (socket, bench) => [await socket.send(watch('1', bench)), await socket.send(watch('1', bench))]),
  },
  {
    name: 'the id of a subscription that was just completed can be reused',
    expected: 'stays open',
    act: after(async (socket, bench) => {
      await socket.send(watch('1', bench));
      for (let round = 0; round < 20; round += 1)
        await Promise.all([
          socket.send({ id: '1', type: 'complete' }),
          socket.send(watch('1', bench, round === 19 ? null : 1_000)),
        ]);
      await expectState(socket, '1');
    }),
  },
  {
    name: 'an id that waits for its previous subscription to end is in use',
    expected: 'closed 4409',
    act: after(async (socket, bench) =>
      Promise.all(
        [watch('1', bench), { id: '1', type: 'complete' }, watch('1', bench), watch('1', bench)].map((message) =>
          socket.send(message),
        ),
      ),
    ),
  },
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', '\u0000', '../../1', 'x'.repeat(30_000)].map(strangeId),

  {
    name: 'a query',
    expected: 'SUBSCRIPTIONS_ONLY, stays open',
    act: refused(() => subscribeWith({ query: '{ motionJobs { nodes { id } } }' })),
  },
  {
    name: 'a mutation',
    expected: 'SUBSCRIPTIONS_ONLY, stays open',
    act: refused(({ jobId }) =>
      subscribeWith({ query: `mutation { deleteMotionJob(input: { id: "${jobId}" }) { __typename } }` }),
    ),
  },
  {
    name: 'an operation name of 30 kB',
    expected: 'OPERATION_RESOLUTION_FAILURE, stays open',
    act: refused(() => subscribeWith({ query: QUERY, operationName: 'x'.repeat(30_000) })),
  },
  {
    name: 'an operation of 30,000 braces',
    expected: 'GRAPHQL_PARSE_FAILED, stays open',
    act: refused(() => subscribeWith({ query: `subscription ${'{a'.repeat(30_000)}` })),
  },
  {
    name: 'an operation with 40 aliases',
    expected: 'OPERATION_TOO_LARGE, stays open',
    act: refused(() =>
      subscribeWith({
        query: `subscription { jobsUpdated { ${Array.from({ length: 40 }, (_, index) => `a${index}: cursor`).join(' ')} } }`,
      }),
    ),
  },
  {
    name: 'a variable nested 10,000 deep',
    expected: 'BAD_USER_INPUT, stays open',
    act: async (bench) =>
      refusedText(
        bench,
        `{"id":"1","type":"subscribe","payload":{"query":"subscription ($id: ID!) { jobUpdated(id: $id) { id } }","variables":{"id":${nested(10_000)}}}}`,
      ),
  },
  ...DEPTHS.map((depth): SocketCase => ({
    name: `a ping nested ${depth} deep`,
    expected: 'stays open',
    act: sending(`{"type":"ping","payload":{"deep":${nested(depth)}}}`),
  })),
  {
    name: 'a connection_init nested 10,000 deep',
    expected: 'stays open',
    async act(bench) {
      const socket = bench.dial();
      await socket.send(
        `{"type":"connection_init","payload":{"authorization":"Bearer ${bench.apiKey}","deep":${nested(10_000)}}}`,
      );
      await socket.next();
      return outcomeOf(socket);
    },
  },

  {
    name: 'more subscriptions than a socket may have',
    expected: '50 times TOO_MANY_SUBSCRIPTIONS, stays open',
    async act(bench) {
      const socket = await bench.connect();
      for (let id = 0; id < MAX_SUBSCRIPTIONS + 50; id += 1) await socket.send(watch(`${id}`, bench));
      let refusals = 0;
      for (; refusals < 50; refusals += 1)
        if (!JSON.stringify(await socket.next()).includes('TOO_MANY_SUBSCRIPTIONS')) break;
      return `${refusals} times TOO_MANY_SUBSCRIPTIONS, ${await outcomeOf(socket)}`;
    },
  },
  {
    name: '10,000 subscriptions',
    expected: 'closed 1013',
    act: untilEnd((socket, bench) => flood(socket, 10_000, (id) => watch(`${id}`, bench))),
  },
  {
    name: '10,000 pings',
    expected: 'closed 1013',
    act: untilEnd((socket) => flood(socket, 10_000, () => ({ type: 'ping' }))),
  },
  {
    name: 'as many messages as the rate limit allows at once',
    expected: 'stays open',
    act: after((socket) => flood(socket, MESSAGES_AT_ONCE - 10, () => ({ type: 'pong' }))),
  },
];

/** Hangs up more often than the key may have sockets. */
async function hangingUp(bench: SocketBench): Promise<string> {
  for (let left = HANG_UPS; left > 0; left -= 1) {
    const socket = bench.dial();
    await socket.answer;
    await socket.send(initOf(bench));
    socket.reset();
    await socket.end;
  }
  return outcomeOf(await bench.connect());
}

async function refusedText(bench: SocketBench, text: string): Promise<string> {
  const socket = await bench.connect();
  await socket.send(text);
  const { payload } = (await socket.next()) ?? {};
  const [code] = /(?<="code":")\w+/.exec(JSON.stringify(payload) ?? '') ?? ['no error'];
  return `${code}, ${await outcomeOf(socket)}`;
}

async function flood(socket: RawSocket, count: number, message: (index: number) => Message): Promise<void> {
  for (let index = 0; index < count && !socket.isEnding(); index += 1) await socket.send(message(index));
}
