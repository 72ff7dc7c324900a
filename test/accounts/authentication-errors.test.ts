/** Rejected credentials: code and message give the reason, consistently over HTTP, WebSocket and REST. */
import { createClient as createSocketClient } from 'graphql-ws';
import { describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { makeApiKey } from '../../src/accounts/api-key.ts';
import { createClientTokens } from '../../src/accounts/client-token.ts';
import { UnauthenticatedError, type WhyRefused } from '../../src/accounts/errors.ts';
import { closeReasonOf } from '../../src/http/websocket/close-reason.ts';
import { asAdministratorOf, makeAccount } from '../support/administrator.ts';
import { asAdministrator } from '../support/database.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { shared } from '../support/on-end.ts';
import { createRestClient } from '../support/rest.ts';
import { openSocket } from '../support/socket.ts';

interface Closed {
  readonly code: number;
  readonly reason: string;
}

interface Told {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

async function overHttp({ url }: TestGateway, authorization: string | undefined, method = 'POST'): Promise<Told> {
  const headers = { 'content-type': 'application/json', ...(authorization !== undefined && { authorization }) };
  const response = await (method === 'POST'
    ? fetch(`${url}/graphql`, { method, headers, body: '{"query":"{ __typename }"}' })
    : fetch(`${url}/graphql?query={__typename}`, { headers }));
  const { errors } = (await response.json()) as { errors: [{ message: string; extensions: { code: string } }] };
  return { status: response.status, code: errors[0].extensions.code, message: errors[0].message };
}

async function overRest(gateway: TestGateway, authorization: string | undefined): Promise<Told> {
  const { status, body } = await createRestClient(gateway).post(
    '/kling/tasks',
    { action: 'retrieve', id: 'x' },
    { authorization: authorization ?? '' },
  );
  return { status, ...body.error! };
}

/** Resolves with the code and the reason with which the gateway closes the socket. */
async function overSocket(
  gateway: TestGateway,
  payload: unknown,
  headers: Record<string, string> = {},
): Promise<Closed> {
  const { socket, send } = await openSocket(gateway, { init: false, headers });
  const closed = new Promise<Closed>((resolve) =>
    socket.once('close', (code, reason) => resolve({ code, reason: String(reason) })),
  );
  send(JSON.stringify({ type: 'connection_init', payload }));
  return closed;
}

async function credentialsOf(gateway: TestGateway) {
  const administrator = asAdministratorOf(gateway);
  const [expired, revoked, disabled] = [
    await makeAccount(gateway),
    await makeAccount(gateway),
    await makeAccount(gateway),
  ];
  await asAdministrator(
    `update api_keys set expires_at = now() where account_id = '${expired.id}'; update api_keys set revoked_at = now() where account_id = '${revoked.id}'`,
    gateway.databaseUrl,
  );
  const tokens = createClientTokens(['test-secret-0123456789-0123456789-0123456789']);
  const { data } = await gateway.client.request<{ createClientToken: { token: string } }>(
    'mutation { createClientToken(input: { scopes: [JOBS_READ] }) { token } }',
  );
  const claims = (await tokens.verify(data.createClientToken.token))!;
  const signed = async (more: object, ttl = 60) => `Bearer ${(await tokens.sign({ ...claims, ...more }, ttl)).token}`;
  const [, , signature] = data.createClientToken.token.split('.') as [string, string, string];
  await administrator.request(`mutation { disableAccount(input: { id: "${disabled.id}" }) { account { id } } }`);
  return [
    ['missing', undefined],
    ['malformed', gateway.apiKey],
    ['malformed', `Basic ${Buffer.from(`user:${gateway.apiKey}`).toString('base64')}`],
    ['malformed', `Token ${gateway.apiKey}`],
    ['malformed', 'Bearer'],
    ['malformed', `Bearer ${gateway.apiKey} ${gateway.apiKey}`],
    ['unknown', `Bearer ${makeApiKey()}`],
    ['unknown', 'Bearer undefined'],
    ['unknown', `Bearer ${gateway.apiKey.slice(0, -1)}`],
    ['unknown', `Bearer ${data.createClientToken.token.replace(signature, signature.split('').reverse().join(''))}`],
    ['expired', `Bearer ${expired.key}`],
    ['expired', await signed({}, -1)],
    ['revoked', `Bearer ${revoked.key}`],
    ['revoked', await signed({ epoch: claims.epoch + 1 })],
    ['disabled', `Bearer ${disabled.key}`],
    ['disabled', await signed({ accountId: disabled.id })],
  ] as const satisfies readonly (readonly [WhyRefused, string | undefined])[];
}

const graphqlCodes: Readonly<Record<WhyRefused, string>> = {
  missing: 'UNAUTHENTICATED',
  malformed: 'AUTHORIZATION_MALFORMED',
  unknown: 'INVALID_TOKEN',
  expired: 'TOKEN_EXPIRED',
  revoked: 'TOKEN_REVOKED',
  disabled: 'ACCOUNT_DISABLED',
};
const restCodes: Readonly<Record<WhyRefused, [number, string]>> = {
  missing: [400, 'no_token'],
  malformed: [400, 'no_token'],
  unknown: [401, 'invalid_token'],
  expired: [401, 'token_expired'],
  revoked: [401, 'invalid_token'],
  disabled: [403, 'disabled'],
};

const common = shared(() => startGateway({ SOCKET_RECHECK_SECONDS: '0.2' }));

describe('a rejected credential', () => {
  test('gets the code and message of its reason over every transport, and an unknown one gets no details', async () => {
    const gateway = await startGateway({ REGISTRATION: 'closed' });
    for (const [why, authorization] of await credentialsOf(gateway)) {
      const name = `${why}: ${authorization ?? 'nothing'}`;
      const { code, message } = new UnauthenticatedError(why);
      expect(code).toBe(graphqlCodes[why]);
      expect(await overHttp(gateway, authorization), name).toEqual({ status: 401, code, message });
      expect(await overHttp(gateway, authorization, 'GET'), name).toEqual({ status: 401, code, message });
      const [status, restCode] = restCodes[why];
      expect(await overRest(gateway, authorization), name).toEqual({ status, code: restCode, message });
      const closed = await overSocket(gateway, { authorization });
      expect(closed.code, name).toBe(4403);
      expect(closed.reason, name).toMatch(
        why === 'missing'
          ? /^UNAUTHENTICATED: authorization is missing in connection_init; send /
          : new RegExp(`^${code}: `),
      );
    }
  });

  test('has a distinct message for each reason, which fits into the 123 bytes of a close reason', () => {
    const whys = Object.keys(graphqlCodes) as WhyRefused[];
    expect(new Set(whys.map((why) => new UnauthenticatedError(why).message)).size).toBe(whys.length);
    for (const why of whys)
      expect(Buffer.byteLength(closeReasonOf(new UnauthenticatedError(why))), why).toBeLessThanOrEqual(123);
  });

  test('gets its reason in the close frame if it is revoked or its account is disabled while its socket is open', async () => {
    const gateway = common();
    const [revoked, disabled] = [await makeAccount(gateway), await makeAccount(gateway)];
    const reasons = [];
    for (const { key } of [revoked, disabled]) {
      const { socket } = await openSocket({ url: gateway.url, apiKey: key });
      reasons.push(
        new Promise((resolve) => socket.once('close', (code, reason) => resolve([code, String(reason).split(':')[0]]))),
      );
    }
    await asAdministrator(
      `update api_keys set revoked_at = now() where account_id = '${revoked.id}'; update accounts set status = 'DISABLED' where id = '${disabled.id}'`,
      gateway.databaseUrl,
    );
    expect(await Promise.all(reasons)).toEqual([
      [4403, 'TOKEN_REVOKED'],
      [4403, 'ACCOUNT_DISABLED'],
    ]);
  });

  test('stops a graphql-ws client from retrying if the reason for the close is permanent', async () => {
    const gateway = common();
    const tried: string[] = [];
    const client = createSocketClient({
      url: `${gateway.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${makeApiKey()}` },
      shouldRetry: (event) => (event as Closed).code !== 4403 || (event as Closed).reason.startsWith('TOKEN_EXPIRED'),
      on: { closed: (event) => void tried.push((event as Closed).reason) },
    });
    await expect(client.iterate({ query: 'subscription { jobsUpdated { cursor } }' }).next()).rejects.toMatchObject({
      code: 4403,
    });
    expect(tried).toEqual([expect.stringMatching(/^INVALID_TOKEN: /)]);
    await client.dispose();
  });
});

describe('the key of a socket', () => {
  const acknowledged = async (
    gateway: TestGateway,
    payload: string | undefined,
    headers: Record<string, string> = {},
  ) => {
    const { send, next, socket } = await openSocket(gateway, { init: false, headers });
    const closed = new Promise<string>((resolve) =>
      socket.once('close', (code, reason) => resolve(`${code} ${String(reason)}`)),
    );
    send(`{"type":"connection_init"${payload === undefined ? '' : `,"payload":${payload}`}}`);
    return Promise.race([next().then(({ type }) => type), closed]);
  };

  test('is read from the payload, its headers or the upgrade request, in any letter case of the name', async () => {
    const gateway = common();
    const good = `"Bearer ${gateway.apiKey}"`;
    const upgradeHeaders = { authorization: `Bearer ${gateway.apiKey}` };
    for (const payload of [
      `{"authorization":${good}}`,
      `{"Authorization":${good}}`,
      `{"AUTHORIZATION":${good}}`,
      `{"headers":{"authorization":${good}}}`,
      `{"Headers":{"Authorization":${good}}}`,
      `{"authorization":null,"headers":{"Authorization":${good}}}`,
      `{"authorization":"","Authorization":"","headers":{"authorization":${good}}}`,
      `{"authorization":${good},"Authorization":"Bearer wrong"}`,
      `{"Authorization":"Bearer wrong","authorization":${good}}`,
      `{"authorization":${good},"headers":{"authorization":"Bearer wrong"}}`,
      `{"authorization":${good},"headers":"text"}`,
    ])
      expect(await acknowledged(gateway, payload), payload).toBe('connection_ack');
    for (const payload of [
      undefined,
      '{}',
      'null',
      '{"authorization":null}',
      '{"headers":{}}',
      '{"headers":null,"other":1}',
    ])
      expect(await acknowledged(gateway, payload, upgradeHeaders), payload).toBe('connection_ack');
    // The payload takes precedence over the upgrade request.
    expect(await acknowledged(gateway, `{"Authorization":${good}}`, { authorization: 'Basic dXNlcjpwYXNz' })).toBe(
      'connection_ack',
    );
    expect(await acknowledged(gateway, '{"authorization":"Bearer wrong"}', upgradeHeaders)).toMatch(
      /^4403 INVALID_TOKEN: /,
    );
  });

  test('is reported as missing, with the payload to send, or as malformed', async () => {
    const gateway = common();
    const good = `"Bearer ${gateway.apiKey}"`;
    for (const payload of [
      undefined,
      '{}',
      'null',
      '{"authorization":null}',
      '{"token":"x"}',
      `{"__proto__":{"authorization":${good}}}`,
      `{"headers":{"__proto__":{"authorization":${good}}}}`,
      `{"headers":[${good}]}`,
      `{"payload":{"authorization":${good}}}`,
    ]) {
      expect(await acknowledged(gateway, payload), payload).toBe(
        '4403 UNAUTHENTICATED: authorization is missing in connection_init; send {"authorization":"Bearer <key>"}.',
      );
    }
    for (const payload of [
      `{"authorization":[${good}]}`,
      `{"Authorization":{"key":${good}}}`,
      '{"authorization":1}',
      '{"authorization":true}',
      `{"authorization":"${gateway.apiKey}"}`,
      '{"headers":{"AUTHORIZATION":7}}',
    ]) {
      expect(await acknowledged(gateway, payload), payload).toMatch(/^4403 AUTHORIZATION_MALFORMED: /);
    }
    expect(await acknowledged(gateway, '{}', { authorization: 'Basic dXNlcjpwYXNz' })).toMatch(
      /^4403 AUTHORIZATION_MALFORMED: /,
    );
  });

  test('of an administrator can be combined with an account id, under any spelling of its name', async () => {
    const gateway = common();
    const { id, client } = await makeAccount(gateway);
    const job = await client.generate();
    const key = `"Bearer ${gateway.administratorKey}"`;
    const watch = async (payload: string, headers: Record<string, string> = {}) => {
      const { send, next } = await openSocket(gateway, { init: false, headers });
      send(`{"type":"connection_init","payload":${payload}}`);
      expect(await next(), payload).toEqual({ type: 'connection_ack' });
      send({
        id: '1',
        type: 'subscribe',
        payload: { query: 'subscription ($id: ID!) { jobUpdated(id: $id) { id } }', variables: { id: job.id } },
      });
      return next();
    };
    for (const payload of [
      `"accountId":"${id}"`,
      `"accountid":"${id}"`,
      `"X-Account-Id":"${id}"`,
      `"headers":{"x-account-id":"${id}"}`,
      `"headers":{"X-ACCOUNT-ID":"${id}"}`,
    ]) {
      expect(await watch(`{"authorization":${key},${payload}}`), payload).toMatchObject({
        payload: { data: { jobUpdated: { id: job.id } } },
      });
    }
    expect(
      await watch('{}', { Authorization: `Bearer ${gateway.administratorKey}`, 'X-Account-Id': id }),
    ).toMatchObject({ payload: { data: { jobUpdated: { id: job.id } } } });
    expect(await watch(`{"authorization":${key},"accountId":"default"}`, { 'x-account-id': id })).toMatchObject({
      payload: { errors: [{ extensions: { code: 'NOT_FOUND' } }] },
    });
    const { code, reason } = await overSocket(gateway, {
      authorization: `Bearer ${gateway.administratorKey}`,
      'x-account-id': 'nobody',
    });
    expect([code, reason]).toEqual([4403, 'BAD_USER_INPUT: There is no such account.']);
  });
});
