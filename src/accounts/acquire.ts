/**
 * Registration: every applicant gets an account and a key at once. The quota granted depends on where the gateway runs.
 */
import { v7 as uuidv7 } from 'uuid';
import type { Account } from './account.ts';
import { checkEmail, checkName, type AccountViolation } from './account-rules.ts';
import { firstScopes } from './administer.ts';
import { ForbiddenError, RateLimitedError } from './errors.ts';
import { issueKey, type IssuedKey } from './keys.ts';
import { ACQUIRED, type AccountStore } from './ports.ts';
import type { Transaction } from '../transaction.ts';

export interface Registration {
  readonly isOpen: boolean;
  /** True for the sandbox on a loopback host: nothing is paid, and applications come only from this machine. */
  readonly isLocal: boolean;
  /** Number of jobs granted to an applicant. */
  readonly freeQuota: number;
  /** E-mail domains whose applicants get the free quota even if the gateway is not local. */
  readonly allowedDomains: readonly string[];
  /** Number of jobs granted per day to all applicants together, if the gateway is not local. */
  readonly freeQuotaPerDay: number;
  /** Maximum number of applications per hour from one network address. */
  readonly perAddressPerHour: number;
}

type AcquireResult =
  | { readonly kind: 'acquired'; readonly account: Account; readonly issued: IssuedKey }
  | { readonly kind: 'invalid'; readonly violations: readonly AccountViolation[] };

/**
 * Creates an account and its first key. Rejects with `ForbiddenError` while registration is closed, and with
 * `RateLimitedError` if the network address has made too many applications.
 */
export type Acquire = (
  applicant: { readonly name: string; readonly email: string },
  address: string,
) => Promise<AcquireResult>;

const HOUR_SECONDS = 3_600;
const DAY_SECONDS = 86_400;

/**
 * Every application creates a new account, even if the e-mail address is known, because ownership of the address is not
 * verified. If the gateway is not local, the answer is also the same for known and unknown addresses, so that it does
 * not reveal which ones are registered. In that case the free quota is limited per day, not per address.
 */
export function createAcquire(store: AccountStore, registration: Registration): Acquire {
  const { isOpen, isLocal, freeQuota, allowedDomains, freeQuotaPerDay, perAddressPerHour } = registration;

  async function grantOf(
    tx: Transaction,
    email: string,
  ): Promise<Pick<Account, 'status'> & { readonly limit: number }> {
    if (isLocal) return { status: 'ACTIVE', limit: (await store.isKnownEmail(tx, email)) ? 0 : freeQuota };
    const none = { status: 'PENDING', limit: 0 } as const;
    if (!allowedDomains.includes(email.slice(email.lastIndexOf('@') + 1))) return none;
    const given = await store.countGrants(tx, DAY_SECONDS);
    return (given + 1) * freeQuota <= freeQuotaPerDay ? { status: 'ACTIVE', limit: freeQuota } : none;
  }

  return async ({ name, email: written }, address) => {
    if (!isOpen) throw new ForbiddenError('Only an administrator can grant access to this gateway.');
    const violations = [...checkName(name), ...checkEmail(written)];
    if (violations.length > 0) return { kind: 'invalid', violations };
    // Counted outside the transaction below, so that refused applications count too.
    const [applications] = await store.countInWindow([`applications from ${address}`], HOUR_SECONDS);
    if (applications!.count > perAddressPerHour)
      throw new RateLimitedError(
        `Rate limit exceeded: an address may send ${perAddressPerHour} applications per hour.`,
        applications!.endsInSeconds,
      );

    const email = written.toLowerCase();
    return store.transaction(async (tx): Promise<AcquireResult> => {
      const { status, limit } = await grantOf(tx, email);
      const account = await store.insertAccount(tx, { id: uuidv7(), name, email, status, limit, monthlyLimit: null });
      await store.noteChange(tx, {
        accountId: account.id,
        actor: 'applicant',
        action: ACQUIRED,
        details: { status, limit },
      });
      return {
        kind: 'acquired',
        account,
        issued: await issueKey(
          store,
          tx,
          { accountId: account.id, name: 'first', scopes: firstScopes, expiresAt: null },
          'applicant',
        ),
      };
    });
  };
}
