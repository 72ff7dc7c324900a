/**
 * Acquiring access: whoever applies gets an account and a key at once. What it may spend depends on where the gateway
 * stands.
 */
import { v7 as uuidv7 } from 'uuid';
import type { Account } from './account.ts';
import { checkEmail, checkName, type AccountViolation } from './account-rules.ts';
import { firstScopes } from './administer.ts';
import { ForbiddenError, RateLimitedError } from './errors.ts';
import { issueKey, type IssuedKey } from './keys.ts';
import { ACQUIRED, type AccountStore } from './ports.ts';

export interface Registration {
  readonly isOpen: boolean;
  /** The sandbox on a loopback host: nothing is paid, and nobody else can apply. */
  readonly isLocal: boolean;
  /** Jobs that an applicant may use. */
  readonly freeQuota: number;
  /** E-mail domains whose applicants are given the free quota also elsewhere. */
  readonly allowedDomains: readonly string[];
  /** Jobs given away in a day elsewhere, to all applicants together. */
  readonly freeQuotaPerDay: number;
  /** Applications from one address in an hour. */
  readonly perAddressPerHour: number;
}

type AcquireResult =
  | { readonly kind: 'acquired'; readonly account: Account; readonly issued: IssuedKey }
  | { readonly kind: 'invalid'; readonly violations: readonly AccountViolation[] };

/** Rejects with `ForbiddenError` while registration is closed, and with `RateLimitedError`. */
export type Acquire = (
  applicant: { readonly name: string; readonly email: string },
  address: string,
) => Promise<AcquireResult>;

const HOUR_SECONDS = 3_600;
const DAY_SECONDS = 86_400;

/**
 * An application always makes an account of its own, whether the address is known or not, because nobody has shown that
 * he reads its mail. Elsewhere the answer is the same for both too, so that nobody learns who is here: what is given
 * away there is bounded by the day and not by the address.
 */
export function createAcquire<Tx>(store: AccountStore<Tx>, registration: Registration): Acquire {
  const { isOpen, isLocal, freeQuota, allowedDomains, freeQuotaPerDay, perAddressPerHour } = registration;

  async function grantOf(tx: Tx, email: string): Promise<Pick<Account, 'status'> & { readonly limit: number }> {
    if (isLocal) return { status: 'ACTIVE', limit: (await store.isKnownEmail(tx, email)) ? 0 : freeQuota };
    const none = { status: 'PENDING', limit: 0 } as const;
    if (!allowedDomains.includes(email.slice(email.lastIndexOf('@') + 1))) return none;
    const given = await store.countGrants(tx, DAY_SECONDS);
    return (given + 1) * freeQuota <= freeQuotaPerDay ? { status: 'ACTIVE', limit: freeQuota } : none;
  }

  return async ({ name, email: written }, address) => {
    if (!isOpen) throw new ForbiddenError('Access is given by an administrator here.');
    const violations = [...checkName(name), ...checkEmail(written)];
    if (violations.length > 0) return { kind: 'invalid', violations };
    // In a transaction of its own: who is refused has been counted all the same.
    const [applications] = await store.countInWindow([`applications from ${address}`], HOUR_SECONDS);
    if (applications!.count > perAddressPerHour)
      throw new RateLimitedError(
        `There were ${perAddressPerHour} applications from your address within the hour.`,
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
