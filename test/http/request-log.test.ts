/** Tests that log lines of requests contain the operation, the account and the error codes, but no input values. */
import { expect, test } from 'vitest';
import { asAdministratorOf } from '../support/administrator.ts';
import { EXAMPLE } from '../support/client.ts';
import { startGateway } from '../support/gateway.ts';
import { shared } from '../support/on-end.ts';
import { openSocket, subscribe, WATCH } from '../support/socket.ts';

const plain = shared(() => startGateway());

test('the log line of an HTTP request contains its operation, account and error codes, but no input values', async () => {
  const gateway = plain();
  const line = async (send: () => Promise<unknown>) => {
    const before = gateway.logs.length;
    await send();
    // Filtered by route, because callbacks from the sandbox may arrive at any time.
    const find = () =>
      gateway.logs
        .slice(before)
        .find(({ msg, route }) => msg === 'request' && (route === '/graphql' || route === '/kling/tasks'));
    await expect.poll(find).toBeDefined();
    const { method, route, status, accountId, operation, operationType, errors } = find()!;
    return { method, route, status, accountId, operation, operationType, errors };
  };
  const of = {
    method: 'POST',
    route: '/graphql',
    status: 200,
    accountId: 'default',
    operation: null,
    operationType: 'query',
    errors: undefined,
  };
  const { request } = gateway.client;
  expect(await line(() => request('query Mine { viewer { account { id } } }'))).toEqual({ ...of, operation: 'Mine' });
  expect(await line(() => request('{ motionJobs { nodes { id } } }'))).toEqual(of);
  expect(
    await line(() =>
      request(
        `mutation Make { generateMotion(input: { imageUrl: "${EXAMPLE.imageUrl}", videoUrl: "${EXAMPLE.videoUrl}", prompt: "secret-words" }) { job { id } } }`,
      ),
    ),
  ).toEqual({ ...of, operation: 'Make', operationType: 'mutation' });
  expect(
    await line(() =>
      request(
        'query Two($n: Int) { a: motionJobs(first: 0) { nodes { id } } b: motionJobs(first: 0) { nodes { id } } accounts { nodes { id } } }',
      ),
    ),
  ).toEqual({ ...of, operation: undefined, operationType: undefined, errors: ['GRAPHQL_VALIDATION_FAILED'] });
  expect(
    await line(() =>
      request(
        'query Two { a: motionJobs(first: 0) { nodes { id } } b: motionJobs(first: 0) { nodes { id } } accounts { nodes { id } } }',
      ),
    ),
  ).toEqual({ ...of, operation: 'Two', errors: ['BAD_USER_INPUT', 'FORBIDDEN'] });
  expect(
    await line(() => request('query Null($n: Int) { motionJobs(first: $n) { nodes { id } } }', { n: null })),
  ).toEqual({ ...of, operation: 'Null', errors: ['BAD_USER_INPUT'] });
  expect(await line(() => request(`{ ${'__typename '.repeat(40)} }`))).toEqual({
    ...of,
    operation: undefined,
    operationType: undefined,
    errors: ['OPERATION_TOO_LARGE'],
  });
  expect(await line(() => request(`query ${'N'.repeat(5_000)} { __typename }`))).toEqual({
    ...of,
    operation: 'N'.repeat(100),
  });
  expect(await line(() => asAdministratorOf(gateway).request('{ accounts { nodes { id } } }'))).toEqual({
    ...of,
    accountId: undefined,
  });
  const send = (authorization: string, body: string) =>
    fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { authorization, 'content-type': 'application/json' },
      body,
    });
  expect(await line(() => send('Bearer wrong', '{}'))).toMatchObject({
    status: 401,
    accountId: undefined,
    errors: [expect.any(String)],
  });
  expect(await line(() => send(`Bearer ${gateway.apiKey}`, '{"variables":7}'))).toMatchObject({
    status: 400,
    accountId: 'default',
    errors: ['BAD_REQUEST'],
  });
  const rest = (body: object) =>
    fetch(`${gateway.url}/kling/tasks`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gateway.apiKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  expect(await line(() => rest({ id: 'secret-id' }))).toMatchObject({
    route: '/kling/tasks',
    accountId: 'default',
    errors: [expect.any(String)],
  });
  expect(JSON.stringify(gateway.logs)).not.toMatch(/secret-words|secret-id|acedata\.cloud/);
});

test('the log lines of a subscription contain the same fields when it starts, is rejected, or has an event with errors', async () => {
  const gateway = plain();
  const { id } = await gateway.client.generate();
  await gateway.client.untilEnd(id);
  const { send, next } = await openSocket(gateway);
  const before = gateway.logs.length;
  const query = WATCH.replace('subscription', 'subscription Watch');
  send({ id: 'a', type: 'subscribe', payload: { query, variables: { id }, operationName: 'Watch' } });
  expect([(await next()).type, (await next()).type]).toEqual(['next', 'complete']);
  send({ id: 'b', type: 'subscribe', payload: { query, variables: { id: null }, operationName: 'Watch' } });
  expect((await next()).type).toBe('error');
  send(subscribe('c', WATCH, { id: 'secret-id' }));
  expect(await next()).toMatchObject({ id: 'c' });
  send(subscribe('d', '{ __typename }'));
  await expect
    .poll(() =>
      gateway.logs
        .slice(before)
        .filter(({ msg }) => /subscription/.test(String(msg)))
        .map(({ msg, accountId, operation, errors }) => ({ msg, accountId, operation, errors })),
    )
    .toEqual([
      { msg: 'subscription', accountId: 'default', operation: 'Watch', errors: undefined },
      { msg: 'subscription errors', accountId: 'default', operation: 'Watch', errors: ['BAD_USER_INPUT'] },
      { msg: 'subscription', accountId: 'default', operation: null, errors: undefined },
      { msg: 'subscription errors', accountId: 'default', operation: null, errors: ['NOT_FOUND'] },
      { msg: 'subscription errors', accountId: 'default', operation: null, errors: ['SUBSCRIPTIONS_ONLY'] },
    ]);
  expect(JSON.stringify(gateway.logs.slice(before))).not.toContain('secret-id');
});
