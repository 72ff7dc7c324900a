/** Limits the number of concurrent reads of changes. */
import type { ChangeReader } from '../ports/changes.ts';
import { createLimiter } from '../../concurrency/limiter.ts';

/** Returns a reader that forwards to `reader` and runs at most `limit` reads at once. */
export function limitReads(reader: ChangeReader, limit: number): ChangeReader {
  const inTurn = createLimiter(limit);
  return {
    findMoment: (accountId) => inTurn(() => reader.findMoment(accountId)),
    listChanges: (...args) => inTurn(() => reader.listChanges(...args)),
  };
}
