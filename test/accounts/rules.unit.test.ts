import { describe, expect, test } from 'vitest';
import { checkCount, checkEmail, checkName, checkScopes } from '../../src/accounts/account-rules.ts';
import { deriveApiKey, hashApiKey, isApiKey, makeApiKey } from '../../src/accounts/api-key.ts';
import {
  actorOf,
  anonymous,
  mayRead,
  permit,
  permitAdministrator,
  permitAllJobs,
  type Caller,
} from '../../src/accounts/caller.ts';
import type { ClientTokens } from '../../src/accounts/client-token.ts';
import { createExplainRefusal } from '../../src/accounts/explain-refusal.ts';
import { shareReads } from '../../src/concurrency/coalesce-reads.ts';

describe('a name', () => {
  test.each(['a', ' a', 'A team', 'München 😀', 'x'.repeat(100)])('may be %j', (name) =>
    expect(checkName(name)).toEqual([]),
  );
  test.each(['', ' ', '\t', 'a\nb', 'a\0', '\u007f', '\ud800'])('may not be %j', (name) => {
    expect(checkName(name)).toEqual([
      {
        code: 'INVALID_FORMAT',
        message: 'The name must not be empty or contain control characters.',
        field: ['input', 'name'],
      },
    ]);
  });
  test('has at most 100 characters', () => {
    expect(checkName('x'.repeat(101))).toEqual([
      { code: 'TOO_LONG', message: 'The name must have at most 100 characters.', field: ['input', 'name'] },
    ]);
  });
});

describe('an e-mail address', () => {
  const ofLength = (length: number) => `${'x'.repeat(length - 6)}@a.com`;
  test.each(['a@b.com', 'A.b+c@sub-1.EXAMPLE.com', 'ü@b.com', ofLength(254)])('may be %s', (email) =>
    expect(checkEmail(email)).toEqual([]),
  );
  test.each([
    '',
    'a',
    '@b.com',
    'a@',
    'a@b',
    'a@b.',
    'a@.com',
    'a@b..com',
    'a b@c.com',
    'a@b c.com',
    'a@b@c.com',
    'a\n@b.com',
    'a@b.com\n',
    ' a@b.com',
    'a@b.com ',
    'a@b_c.com',
    '\0@b.com',
    '\ud800@b.com',
    'a@bü.com',
  ])('may not be %j', (email) => {
    expect(checkEmail(email)).toEqual([
      { code: 'INVALID_FORMAT', message: 'The value is not a valid email address.', field: ['input', 'email'] },
    ]);
  });
  test('has at most 254 characters', () => {
    expect(checkEmail(ofLength(255))).toEqual([
      { code: 'TOO_LONG', message: 'The email address must have at most 254 characters.', field: ['input', 'email'] },
    ]);
  });
});

test('scopes are not empty, contain no duplicates, and include none that the caller cannot grant', () => {
  const refused = (code: string, message: string) => [{ code, message, field: ['input', 'scopes'] }];
  expect(checkScopes(['jobs:read', 'jobs:write', 'account:admin'])).toEqual([]);
  expect(checkScopes(['jobs:read'], ['jobs:read'])).toEqual([]);
  expect(checkScopes([])).toEqual(refused('INVALID_FORMAT', 'Specify at least one scope.'));
  expect(checkScopes(['jobs:read', 'jobs:write', 'jobs:read'])).toEqual(
    refused('DUPLICATE', 'A scope occurs more than once.'),
  );
  expect(checkScopes(['jobs:read', 'jobs:write', 'account:admin'], ['jobs:read'])).toEqual(
    refused('INVALID_FORMAT', 'You cannot grant jobs:write and account:admin.'),
  );
});

test('a quota is a whole number from 0 to 1,000,000,000, or none', () => {
  for (const count of [null, undefined, 0, 1, 1_000_000_000]) expect(checkCount(count, 'quotaLimit')).toEqual([]);
  for (const count of [-1, 1_000_000_001, 1.5, NaN, Infinity]) {
    expect(checkCount(count, 'quotaLimit')).toEqual([
      {
        code: 'INVALID_FORMAT',
        message: 'The quota must be between 0 and 1000000000 jobs.',
        field: ['input', 'quotaLimit'],
      },
    ]);
  }
});

describe('a caller', () => {
  const key: Caller = { ...anonymous, kind: 'key', accountId: 'acme', scopes: ['jobs:read'], keyId: 'k' };
  const administrator: Caller = { ...anonymous, kind: 'administrator', scopes: ['jobs:read'] };

  test('that is anonymous has no account, no scope and no key', () => {
    expect(anonymous).toEqual({
      kind: 'anonymous',
      accountId: null,
      scopes: [],
      jobIds: null,
      keyId: null,
      epoch: null,
      expiresAt: null,
    });
  });

  test('is permitted what its scopes allow, for its own account', () => {
    expect(permit(key, 'jobs:read')).toBe('acme');
    expect(() => permit(key, 'jobs:write')).toThrow(
      expect.objectContaining({ code: 'FORBIDDEN', message: 'This operation requires the scope jobs:write.' }),
    );
    expect(() => permit(anonymous, 'jobs:read')).toThrow(expect.objectContaining({ code: 'UNAUTHENTICATED' }));
    // The scopes of an anonymous caller have no effect.
    expect(() => permit({ ...anonymous, scopes: ['jobs:read'], accountId: 'acme' }, 'jobs:read')).toThrow(
      expect.objectContaining({ code: 'UNAUTHENTICATED' }),
    );
    expect(() => permit(administrator, 'jobs:read')).toThrow(
      expect.objectContaining({ code: 'FORBIDDEN', message: expect.stringContaining('X-Account-Id') as string }),
    );
    expect(permit({ ...administrator, accountId: 'acme' }, 'jobs:read')).toBe('acme');
  });

  test('that is limited to certain jobs is denied operations on all jobs', () => {
    expect(permitAllJobs(key, 'jobs:read')).toBe('acme');
    for (const jobIds of [[], ['a']])
      expect(() => permitAllJobs({ ...key, jobIds }, 'jobs:read')).toThrow(
        expect.objectContaining({
          code: 'FORBIDDEN',
          message: 'A client token that is limited to certain jobs cannot use this operation.',
        }),
      );
    expect(() => permitAllJobs({ ...anonymous, jobIds: [] }, 'jobs:read')).toThrow(
      expect.objectContaining({ code: 'UNAUTHENTICATED' }),
    );
  });

  test('may read the jobs that it is limited to, regardless of the case of their ids', () => {
    expect([
      mayRead(key, 'x'),
      mayRead({ ...key, jobIds: ['a'] }, 'A'),
      mayRead({ ...key, jobIds: ['a'] }, 'b'),
      mayRead({ ...key, jobIds: [] }, 'a'),
    ]).toEqual([true, true, false, false]);
  });

  test('must be an administrator for administrative operations', () => {
    expect(() => permitAdministrator(administrator)).not.toThrow();
    expect(() => permitAdministrator(anonymous)).toThrow(expect.objectContaining({ code: 'UNAUTHENTICATED' }));
    for (const kind of ['key', 'token'] as const)
      expect(() => permitAdministrator({ ...key, kind })).toThrow(
        expect.objectContaining({ code: 'FORBIDDEN', message: 'This operation requires an administrator.' }),
      );
  });

  test('is identified in the log by its key, or as the administrator', () => {
    expect([actorOf(key), actorOf({ ...administrator, keyId: 'k' }), actorOf(anonymous)]).toEqual([
      'key k',
      'administrator',
      'key ',
    ]);
  });
});

describe('an API key', () => {
  // The expected key is fixed: a change to the derivation would invalidate the keys of running sandboxes.
  const DERIVED = deriveApiKey('a secret of the tests');
  test('derived from a secret stays the same across releases', () => {
    expect(DERIVED).toBe('mg_WaCptbsCPqP8wIr84laC9TcUd1g0TqqR1mbK7c');
    expect(hashApiKey('mg_x')).toBe('1d635dc9b7e5c0e16215ebeab71dfec757c244ac0fdeadde282da4cd02e39199');
  });

  test('is valid only if the checksum matches exactly its 32 characters', () => {
    for (let count = 0; count < 20; count += 1) expect(isApiKey(makeApiKey())).toBe(true);
    const [body, sum] = [DERIVED.slice(3, 35), DERIVED.slice(35)];
    for (const text of [
      `mg_${body.slice(1)}${sum}`,
      `mg_${body}${sum.slice(0, 5)}`,
      `xmg_${body}${sum}`,
      `${body}${sum}`,
      `mg_${'0'.repeat(32)}${sum}`,
      `mg_${body.slice(0, 31)}-${sum}`,
    ])
      expect(isApiKey(text), text).toBe(false);
  });
});

describe('the reason for a rejection', () => {
  const keyEnds = new Map(
    [
      ['old', 'expired'],
      ['revoked', 'revoked'],
      ['off', 'disabled'],
    ].map(([name, end]) => [hashApiKey(deriveApiKey(name!)), end as 'expired' | 'revoked' | 'disabled']),
  );
  const claimsOf = (accountId: string) => ({ accountId }) as Awaited<ReturnType<ClientTokens['verify']>>;
  const explain = createExplainRefusal(
    {
      findKeyEnd: async (hash) => keyEnds.get(hash) ?? null,
      findLive: async (_keyIds, accountIds) => ({
        keyIds: new Set(),
        epochs: new Map(accountIds.filter((id) => id === 'live').map((id) => [id, 1])),
      }),
    },
    {
      isExpired: async (token) => token === 'an.old.token',
      verify: async (token) =>
        token === 'a.revoked.token' ? claimsOf('live') : token === 'a.disabled.token' ? claimsOf('off') : null,
    },
  );
  test.each([
    [deriveApiKey('old'), 'expired'],
    [deriveApiKey('revoked'), 'revoked'],
    [deriveApiKey('off'), 'disabled'],
    [deriveApiKey('never'), 'unknown'],
    ['rubbish', 'unknown'],
    ['an.old.token', 'expired'],
    ['another.old.token', 'unknown'],
    ['a.revoked.token', 'revoked'],
    ['a.disabled.token', 'disabled'],
    ['an.old.token.of.five', 'unknown'],
  ])('%s is reported as %s', async (credential, why) => expect(await explain(`Bearer ${credential}`)).toBe(why));

  test.each([
    ['no header', undefined, 'missing'],
    ['null', null, 'missing'],
    ['an empty value', '', 'missing'],
    ['a key without the scheme', deriveApiKey('old'), 'malformed'],
    ['another scheme', 'Basic YTpi', 'malformed'],
    ['a scheme without a key', 'Bearer ', 'malformed'],
    ['a list', [`Bearer ${deriveApiKey('old')}`], 'malformed'],
  ])('%s (%s) is not a credential', async (_what, authorization, why) =>
    expect(await explain(authorization)).toBe(why),
  );
});

test('a coalesced read is discarded once all of its callers have an answer', async () => {
  let reads = 0;
  const read = shareReads(async () => (reads += 1));
  expect([await read('a'), await read('a')]).toEqual([1, 2]);
});
