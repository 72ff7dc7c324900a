import type { Transaction } from '../../src/transaction.ts';
import { describe, expect, test } from 'vitest';
import { remainingOf, scopes, accountStatuses, type Quota } from '../../src/accounts/account.ts';
import type { Caller } from '../../src/accounts/caller.ts';
import { createLimits, WINDOW_SECONDS } from '../../src/accounts/limits.ts';
import type { ChargedJob, QuotaStore } from '../../src/accounts/ports.ts';
import { createQuotaEffects } from '../../src/accounts/quota.ts';
import { createFindKnown } from '../../src/accounts/unknown-keys.ts';

const quota: Quota = { limit: null, used: 0, reserved: 0, monthlyLimit: null, monthlyTaken: 0, resetsAt: null };

test('names that the database stores and the API exposes do not change', () => {
  expect(accountStatuses).toEqual(['ACTIVE', 'PENDING', 'DISABLED']);
  expect(scopes).toEqual(['jobs:read', 'jobs:write', 'account:admin']);
});

test('the remaining quota is the lesser of what both limits leave, and never negative', () => {
  expect(remainingOf({ ...quota, used: 5, reserved: 5, monthlyTaken: 5 })).toBeNull();
  expect(remainingOf({ ...quota, limit: 10, used: 3, reserved: 2 })).toBe(5);
  expect(remainingOf({ ...quota, monthlyLimit: 10, monthlyTaken: 4, used: 9 })).toBe(6);
  expect(remainingOf({ ...quota, limit: 10, used: 1, reserved: 1, monthlyLimit: 10, monthlyTaken: 9 })).toBe(1);
  expect(remainingOf({ ...quota, limit: 10, used: 9, reserved: 0, monthlyLimit: 10, monthlyTaken: 2 })).toBe(1);
  expect(remainingOf({ ...quota, limit: 1, used: 2, reserved: 1 })).toBe(0);
});

describe('the quota', () => {
  const tx = { name: 'tx' } as unknown as Transaction;
  const job: ChargedJob = { id: 'j', accountId: 'acme', billedSeconds: 5, mode: 'STD', model: null };
  function open(reserved: boolean, found: Quota | null = null) {
    const asked: unknown[][] = [];
    const note =
      (name: string, result: unknown) =>
      async (...args: unknown[]) => (asked.push([name, ...args]), result as never);
    const store: QuotaStore = {
      reserve: note('reserve', reserved),
      charge: note('charge', undefined),
      release: note('release', undefined),
      quotaOf: note('quotaOf', found),
      findImbalances: note('imbalances', []),
    };
    return { asked, effects: createQuotaEffects(store) };
  }

  test('is reserved, or refused with the remaining amount', async () => {
    const { asked, effects } = open(true);
    expect(await effects.reserve(tx, 'acme', 'j')).toBeNull();
    expect(asked).toEqual([['reserve', tx, 'acme', 'j']]);
    for (const [found, remaining] of [
      [null, 0],
      [quota, 0],
      [{ ...quota, limit: 3 }, 3],
    ] as const) {
      const refused = open(false, found);
      expect(await refused.effects.reserve(tx, 'acme', 'j')).toEqual({ remaining });
      expect(refused.asked).toEqual([
        ['reserve', tx, 'acme', 'j'],
        ['quotaOf', tx, 'acme'],
      ]);
    }
  });

  test('is charged when a job succeeds and released when it ends otherwise', async () => {
    const { asked, effects } = open(true);
    await effects.settle(tx, job, true);
    await effects.settle(tx, job, false);
    expect(asked).toEqual([
      ['charge', tx, job],
      ['release', tx, 'j'],
    ]);
  });
});

describe('a rate limit', () => {
  const caller: Caller = {
    kind: 'key',
    accountId: 'acme',
    scopes: [],
    jobIds: null,
    keyId: 'k',
    epoch: null,
    expiresAt: null,
  };
  const numbers = { requestsPerMinute: 2, submitsPerMinute: 2, submitsPerMinutePerAccount: 3, webhooksPerMinute: 1 };
  function open(...counts: number[]) {
    const asked: unknown[][] = [];
    const limits = createLimits(
      {
        async countInWindow(subjects, windowSeconds) {
          asked.push([subjects, windowSeconds]);
          return subjects.map((_, index) => ({ count: counts[index]!, endsInSeconds: 10 + index }));
        },
      },
      numbers,
    );
    return { asked, limits };
  }

  test('counts requests by key, by address for callers without a key, and separately for administrators', async () => {
    const { limits } = open();
    const take = (who: Partial<Caller>, address: string) => limits.takeRequest({ ...caller, ...who }, address);
    expect(await take({}, 'a')).toEqual({ isOver: false, limit: 2, remaining: 1, resetSeconds: WINDOW_SECONDS });
    expect(await take({}, 'b')).toMatchObject({ isOver: false, remaining: 0 });
    expect(await take({}, 'c')).toMatchObject({ isOver: true, limit: 2, remaining: 0 });
    for (const who of [
      { keyId: 'l' },
      { kind: 'anonymous', keyId: null },
      { kind: 'administrator', keyId: null },
    ] as const)
      expect(await take(who, 'a')).toMatchObject({ isOver: false, remaining: 1 });
    expect(await take({ kind: 'administrator', keyId: null }, 'b')).toMatchObject({ remaining: 0 });
    expect(await take({ kind: 'anonymous', keyId: null }, 'b')).toMatchObject({ remaining: 1 });
    expect(await take({ kind: 'anonymous', keyId: null }, 'administrator')).toMatchObject({ remaining: 1 });
  });

  test('on submits applies first to the key and then to the account', async () => {
    const at = open(2, 3);
    await at.limits.takeSubmit(caller);
    expect(at.asked).toEqual([[['submits by k', 'submits of acme'], 60]]);
    await expect(open(3, 4).limits.takeSubmit(caller)).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      message: 'Rate limit exceeded: a key may submit 2 jobs per minute.',
      retryAfterSeconds: 10,
    });
    await expect(open(2, 4).limits.takeSubmit(caller)).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      message: 'Rate limit exceeded: an account may submit 3 jobs per minute.',
      retryAfterSeconds: 11,
    });
    const nobody = open(1, 1);
    await nobody.limits.takeSubmit({ ...caller, keyId: null, accountId: null });
    expect(nobody.asked).toEqual([[['submits by nobody', 'submits of nobody'], 60]]);
  });

  test('on webhooks applies to the account', async () => {
    const at = open(1);
    await at.limits.takeWebhook('acme');
    expect(at.asked).toEqual([[['webhooks asked for by acme'], 60]]);
    await expect(open(2).limits.takeWebhook('acme')).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      message: 'Rate limit exceeded: an account may request 1 webhook deliveries per minute.',
      retryAfterSeconds: 10,
    });
  });
});

describe('unknown keys', () => {
  test('are looked up a limited number of times per address, and keys that were valid before are unaffected', async () => {
    const asked: string[] = [];
    let good = true;
    const find = createFindKnown(async (hash) => (asked.push(hash), hash.startsWith('good') && good ? hash : null), 2);
    expect(await find('good', 'a')).toBe('good');
    expect(await find('x', 'a')).toBeNull();
    expect(await find('y', 'a')).toBeNull();
    await expect(find('z', 'a')).rejects.toMatchObject({
      code: 'RATE_LIMITED',
      message: 'Rate limit exceeded: too many unknown keys from this address.',
      retryAfterSeconds: expect.closeTo(60, -1) as number,
    });
    await expect(find('good too', 'a')).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    expect(await find('good', 'a')).toBe('good');
    expect(await find('good too', 'b')).toBe('good too');
    expect(asked).toEqual(['good', 'x', 'y', 'good', 'good too']);
    // A key that has ended counts as unknown.
    good = false;
    expect(await find('good', 'a')).toBeNull();
    await expect(find('good', 'a')).rejects.toMatchObject({ code: 'RATE_LIMITED' });
  });

  test('do not block the 10,000 keys that were valid most recently', async () => {
    const find = createFindKnown(async (hash) => (hash === 'x' ? null : hash), 1);
    for (let number = 0; number < 10_000; number += 1) await find(`good ${number}`, 'a');
    await find('good 0', 'a');
    await find('x', 'a');
    expect(await find('good 1', 'a')).toBe('good 1');
    await find('good 10000', 'b');
    await expect(find('good 2', 'a')).rejects.toMatchObject({ code: 'RATE_LIMITED' });
    expect(await find('good 0', 'a')).toBe('good 0');
    expect(await find('good 3', 'a')).toBe('good 3');
  });
});
