/** The caller: the authenticated client of one request or socket, and what it may do. */
import type { Scope } from './account.ts';
import { ForbiddenError, UnauthenticatedError } from './errors.ts';

export interface Caller {
  readonly kind: 'key' | 'token' | 'administrator' | 'anonymous';
  /**
   * The account whose jobs the caller works with; null for an administrator that names no account, and for an anonymous
   * caller.
   */
  readonly accountId: string | null;
  readonly scopes: readonly Scope[];
  /** The jobs that the caller is limited to; null if there is no such limit. */
  readonly jobIds: readonly string[] | null;
  /** The API key or, of a token, the key that minted it; null if there is none. */
  readonly keyId: string | null;
  /** Epoch of a token, which is rejected once the account has advanced to a later epoch; null for other callers. */
  readonly epoch: number | null;
  readonly expiresAt: Date | null;
}

export const anonymous: Caller = {
  kind: 'anonymous',
  accountId: null,
  scopes: [],
  jobIds: null,
  keyId: null,
  epoch: null,
  expiresAt: null,
};

/** Returns the name under which the account log records the caller. */
export const actorOf = ({ kind, keyId }: Caller): string => (kind === 'administrator' ? kind : `key ${keyId ?? ''}`);

/**
 * Returns the account on which the caller may use the scope. Throws `UnauthenticatedError` for an anonymous caller and
 * `ForbiddenError` for a caller that lacks the scope or names no account.
 */
export function permit(caller: Caller, scope: Scope): string {
  if (caller.kind === 'anonymous') throw new UnauthenticatedError();
  if (!caller.scopes.includes(scope)) throw new ForbiddenError(`This operation requires the scope ${scope}.`);
  if (caller.accountId === null)
    throw new ForbiddenError(
      'An administrator must specify the account in the header "X-Account-Id", ' +
        'or as "accountId" in the payload of connection_init.',
    );
  return caller.accountId;
}

/**
 * Does the same as `permit`, for operations that are not about certain jobs only: also throws `ForbiddenError` for a
 * caller that is limited to certain jobs.
 */
export function permitAllJobs(caller: Caller, scope: Scope): string {
  const accountId = permit(caller, scope);
  if (caller.jobIds !== null)
    throw new ForbiddenError('A client token that is limited to certain jobs cannot use this operation.');
  return accountId;
}

/** True if the caller's limits include this job. A job outside them is treated like an unknown one. */
export const mayRead = ({ jobIds }: Caller, jobId: string): boolean =>
  jobIds === null || jobIds.includes(jobId.toLowerCase());

/** Throws unless the caller is an administrator. */
export function permitAdministrator(caller: Caller): void {
  if (caller.kind === 'anonymous') throw new UnauthenticatedError();
  if (caller.kind !== 'administrator') throw new ForbiddenError('This operation requires an administrator.');
}
