/** Sockets outlive what opened them: those whose key was revoked, whose token has expired or whose account was disabled are closed with 4403. */
import { CloseCode } from 'graphql-ws';
import type { Caller } from '../accounts/caller.ts';
import type { Log } from '../jobs/ports.ts';
import type { ServedSocket, SocketExtra } from './socket.ts';

export interface CallerChecks {
  readonly recheckMs: number;
  findEnded(callers: readonly Caller[]): Promise<ReadonlySet<Caller>>;
  readonly log: Log;
}

/** Expiry is looked at this often, without the database. */
const EXPIRY_CHECK_MS = 1_000;

/** Looks after the open sockets until `stop`. While the database does not answer, only expiry counts. */
export function watchCallers(open: ReadonlyMap<ServedSocket, SocketExtra>, { recheckMs, findEnded, log }: CallerChecks): { stop(): void } {
  const closeWhere = (hasEnded: (caller: Caller) => boolean, reason: string): void => {
    for (const [socket, { caller }] of open) if (caller && hasEnded(caller)) socket.close(CloseCode.Forbidden, reason);
  };
  const expiring = setInterval(() => {
    const now = Date.now();
    closeWhere(({ expiresAt }) => expiresAt !== null && expiresAt.getTime() <= now, 'Expired');
  }, EXPIRY_CHECK_MS);
  const rechecking = setInterval(() => {
    findEnded([...open.values()].flatMap(({ caller }) => caller ?? [])).then(
      (ended) => closeWhere((caller) => ended.has(caller), 'Revoked'),
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
