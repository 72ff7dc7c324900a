/** Bounds how many reads of changes run at once. */
import type { ChangeReader } from '../ports/changes.ts';
import { createLine } from '../../concurrency/limiter.ts';

/** The same reader, which is asked at most `limit` things at once. */
export function limitReads(reader: ChangeReader, limit: number): ChangeReader {
  const inTurn = createLine(limit);
  return {
    findMoment: (accountId) => inTurn(() => reader.findMoment(accountId)),
    listChanges: (...args) => inTurn(() => reader.listChanges(...args)),
  };
}
