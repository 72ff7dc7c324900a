import { SignJWT, type JWTPayload } from 'jose';
import { createHash, hkdfSync } from 'node:crypto';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  createClientTokens,
  MAX_TTL_SECONDS,
  MIN_TTL_SECONDS,
  type ClientTokenClaims,
} from '../../src/accounts/client-token.ts';

const NOW = Date.parse('2026-03-01T00:00:00.999Z');
const SECONDS = Math.floor(NOW / 1_000);
const claims: ClientTokenClaims = {
  accountId: 'acme',
  keyId: 'k',
  scopes: ['jobs:read', 'jobs:write'],
  jobIds: null,
  epoch: 3,
};
const tokens = createClientTokens(['a secret']);

afterEach(() => void vi.useRealTimers());
const at = (ms: number) => vi.useFakeTimers({ toFake: ['Date'], now: ms });

/** Creates a token with an arbitrary payload, signed by default with the key that `tokens` uses. */
function forge(payload: JWTPayload, header: object = {}, secret = 'a secret'): Promise<string> {
  const key = new Uint8Array(hkdfSync('sha256', secret, '', 'motion-gateway client token v1', 32));
  const kid = createHash('sha256').update(key).digest('base64url').slice(0, 8);
  return new SignJWT(payload).setProtectedHeader({ alg: 'HS256', typ: 'JWT', kid, ...header }).sign(key);
}
const good = {
  scope: 'jobs:read',
  key: 'k',
  epoch: 3,
  iss: 'motion-gateway',
  aud: 'motion-gateway/client',
  sub: 'acme',
  iat: SECONDS,
  exp: SECONDS + 60,
};

test('the lifetime of a token is between a minute and an hour', () => {
  expect([MIN_TTL_SECONDS, MAX_TTL_SECONDS]).toEqual([60, 3_600]);
});

describe('a token', () => {
  test('yields the claims that it was created with until it expires', async () => {
    at(NOW);
    const { token, expiresAt } = await tokens.sign(claims, 60);
    expect(expiresAt).toEqual(new Date(1_000 * (SECONDS + 60)));
    expect(await tokens.verify(token)).toEqual({ ...claims, expiresAt });
    expect(await tokens.isExpired(token)).toBe(false);
    at(expiresAt.getTime() - 1_000);
    expect(await tokens.verify(token)).not.toBeNull();
    at(expiresAt.getTime());
    expect(await tokens.verify(token)).toBeNull();
    expect(await tokens.isExpired(token)).toBe(true);
  });

  test('keeps the list of jobs that it is limited to, even an empty one', async () => {
    for (const jobIds of [[], ['a', 'b']])
      expect(await tokens.verify((await tokens.sign({ ...claims, jobIds }, 60)).token)).toMatchObject({ jobIds });
  });

  test('is a JWT for one issuer and audience, backdated by 30 s', async () => {
    at(NOW);
    const { token } = await tokens.sign({ ...claims, jobIds: ['a'] }, 60);
    const [header, payload] = token
      .split('.')
      .slice(0, 2)
      .map((part) => JSON.parse(Buffer.from(part, 'base64url').toString()) as object);
    expect(header).toEqual({ alg: 'HS256', typ: 'JWT', kid: expect.stringMatching(/^[\w-]{8}$/) as string });
    expect(payload).toEqual({
      scope: 'jobs:read jobs:write',
      key: 'k',
      epoch: 3,
      jobs: ['a'],
      iss: 'motion-gateway',
      aud: 'motion-gateway/client',
      sub: 'acme',
      iat: SECONDS - 30,
      exp: SECONDS + 60,
    });
    expect(await tokens.verify(await forge(good))).toEqual({
      accountId: 'acme',
      keyId: 'k',
      epoch: 3,
      scopes: ['jobs:read'],
      jobIds: null,
      expiresAt: new Date(1_000 * (SECONDS + 60)),
    });
  });

  test('drops unknown scopes and keeps the known ones', async () => {
    at(NOW);
    expect(await tokens.verify(await forge({ ...good, scope: 'jobs:read jobs:all account' }))).toMatchObject({
      scopes: ['jobs:read'],
    });
  });

  test.each<[string, JWTPayload, object?, string?]>([
    ['of another issuer', { ...good, iss: 'another' }],
    ['for another audience', { ...good, aud: 'motion-gateway' }],
    ...['sub', 'exp', 'iat', 'key', 'epoch', 'scope'].map((name): [string, JWTPayload] => [
      `without ${name}`,
      { ...good, [name]: undefined },
    ]),
    ['from the future', { ...good, iat: SECONDS + 1 }],
    ['older than an hour and the difference of clocks', { ...good, iat: SECONDS - 3_631 }],
    ['of another algorithm', good, { alg: 'HS512' }],
    ['of an unknown key', good, { kid: 'AAAAAAAA' }],
    ['of another secret', good, {}, 'another secret'],
    ['with the name of our key and the signature of another secret', good, { kid: 'ours' }, 'another secret'],
  ])('%s is rejected, and counts as expired only if it is too old', async (_what, payload, header = {}, secret) => {
    at(NOW);
    const [ours] = (await tokens.sign(claims, 60)).token.split('.');
    const { kid } = JSON.parse(Buffer.from(ours!, 'base64url').toString()) as { kid: string };
    const token = await forge(
      payload,
      { ...header, ...((header as { kid?: string }).kid === 'ours' && { kid }) },
      secret,
    );
    expect(await tokens.verify(token)).toBeNull();
    expect(await tokens.isExpired(token)).toBe(_what === 'older than an hour and the difference of clocks');
  });

  test('of an hour is accepted with a clock skew of up to 30 s', async () => {
    at(NOW);
    expect(await tokens.verify(await forge({ ...good, iat: SECONDS - 3_630 }))).not.toBeNull();
  });

  test.each(['', 'a', 'a.b.c', 'mg_x'])('cannot be %j', async (text) => {
    expect(await tokens.verify(text)).toBeNull();
    expect(await tokens.isExpired(text)).toBe(false);
  });
});

test('tokens signed with an older secret are valid while it is listed, and new ones are signed with the first secret', async () => {
  const [before, rotated, after] = [
    createClientTokens(['old']),
    createClientTokens(['new', 'old']),
    createClientTokens(['new']),
  ];
  const [old, young] = [(await before.sign(claims, 60)).token, (await rotated.sign(claims, 60)).token];
  expect(
    [await rotated.verify(old), await rotated.verify(young), await after.verify(young)].every(
      (found) => found?.accountId === 'acme',
    ),
  ).toBe(true);
  expect([await after.verify(old), await before.verify(young)]).toEqual([null, null]);
  expect(() => createClientTokens([])).toThrow('client tokens need a secret');
});

test('an error that is not caused by the token is propagated', async () => {
  await expect(tokens.verify(undefined as unknown as string)).resolves.toBeNull();
  const broken = await forge(good);
  const spy = vi.spyOn(Date.prototype, 'getTime').mockImplementation(() => {
    throw new Error('a fault of ours');
  });
  try {
    await expect(tokens.verify(broken)).rejects.toThrow('a fault of ours');
  } finally {
    spy.mockRestore();
  }
});
