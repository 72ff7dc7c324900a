/**
 * Closes sockets with 4403 when their key is revoked, their token expires or their account is disabled. Without it, a
 * socket would outlive the credentials that it was opened with.
 */
import { CloseCode } from 'graphql-ws';
import type { Caller } from '../../accounts/caller.ts';
import { UnauthenticatedError, type WhyRefused } from '../../accounts/errors.ts';
import type { Log } from '../../log.ts';
import { closeReasonOf } from './close-reason.ts';
import type { ServedSocket, SocketExtra } from './socket.ts';

export interface CallerChecks {
  readonly recheckMs: number;
  findEnded(callers: readonly Caller[]): Promise<ReadonlyMap<Caller, WhyRefused>>;
  readonly log: Log;
}

/** Interval between expiry checks, which do not need the database. */
const EXPIRY_CHECK_MS = 1_000;

/** Checks the open sockets until `stop`. While the database does not respond, only expiry is checked. */
export function closeRevoked(
  open: ReadonlyMap<ServedSocket, SocketExtra>,
  { recheckMs, findEnded, log }: CallerChecks,
): { stop(): void } {
  const closeWhere = (whyEnded: (caller: Caller) => WhyRefused | null | undefined): void => {
    for (const [socket, { caller }] of open) {
      const why = caller && whyEnded(caller);
      if (why) socket.close(CloseCode.Forbidden, closeReasonOf(new UnauthenticatedError(why)));
    }
  };
  const expiring = setInterval(() => {
    const now = Date.now();
    closeWhere(({ expiresAt }) => (expiresAt !== null && expiresAt.getTime() <= now ? 'expired' : null));
  }, EXPIRY_CHECK_MS);
  const rechecking = setInterval(() => {
    findEnded([...open.values()].flatMap(({ caller }) => caller ?? [])).then(
      (ended) => closeWhere((caller) => ended.get(caller)),
      (error: unknown) => log.warn({ err: error }, 'the callers of open sockets could not be checked'),
    );
  }, recheckMs);
  return {
    stop() {
      clearInterval(expiring);
      clearInterval(rechecking);
    },
  };
}
