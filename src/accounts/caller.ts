/** The caller: the authenticated client of one request or socket, and what it may do. */
import type { Scope } from './account.ts';
import { ForbiddenError, UnauthenticatedError } from './errors.ts';

export interface Caller {
  readonly kind: 'key' | 'token' | 'administrator' | 'anonymous';
  /** Whose jobs it works with; null for an administrator who names no account, and for nobody. */
  readonly accountId: string | null;
  readonly scopes: readonly Scope[];
  /** The jobs that it is limited to; null is no such limit. */
  readonly jobIds: readonly string[] | null;
  /** The key, also of a token; null where there is none. */
  readonly keyId: string | null;
  /** Of a token: worth nothing when the account's has moved on. */
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

/** Who the log says it was. */
export const actorOf = ({ kind, keyId }: Caller): string => (kind === 'administrator' ? kind : `key ${keyId ?? ''}`);

/**
 * The account that the caller may do this for. Throws `UnauthenticatedError` for nobody and `ForbiddenError` for who
 * may not.
 */
export function permit(caller: Caller, scope: Scope): string {
  if (caller.kind === 'anonymous') throw new UnauthenticatedError();
  if (!caller.scopes.includes(scope)) throw new ForbiddenError(`This needs the scope ${scope}.`);
  if (caller.accountId === null)
    throw new ForbiddenError(
      'An administrator names the account: with the header "X-Account-Id", or with "accountId" in the payload of connection_init.',
    );
  return caller.accountId;
}

/** The same where the caller may be limited to certain jobs, to which what is asked for does not belong. */
export function permitAllJobs(caller: Caller, scope: Scope): string {
  const accountId = permit(caller, scope);
  if (caller.jobIds !== null) throw new ForbiddenError('This client token is limited to certain jobs.');
  return accountId;
}

/** Whether this job is within the caller's limits; one that is not answers like an unknown one. */
export const mayRead = ({ jobIds }: Caller, jobId: string): boolean =>
  jobIds === null || jobIds.includes(jobId.toLowerCase());

/** Throws for everybody but an administrator. */
export function permitAdministrator(caller: Caller): void {
  if (caller.kind === 'anonymous') throw new UnauthenticatedError();
  if (caller.kind !== 'administrator') throw new ForbiddenError('This is for administrators.');
}
