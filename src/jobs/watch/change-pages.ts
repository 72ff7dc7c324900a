/**
 * Reads the changes since a snapshot in pages, ordered by transaction and id, while further changes are made.
 *
 * Each job comes with `since`: a cursor that sees every change before the job in the delta, but not the job itself. It
 * is exact because of the order. Take a job whose newest version was written by transaction x and is seen by the first
 * page's snapshot. If the job keeps its position until the last page, the page that covers x contains it. If its
 * position has changed in the meantime, a transaction that the first snapshot does not see has changed it: upward, or
 * downward if an older transaction commits late. Either way no `since` of this delta claims to have seen that
 * transaction, and the next delta contains the job.
 */
import { CursorInvalidError } from '../model/errors.ts';
import type { Job } from '../model/job.ts';
import { type ChangePosition, cut, extend, type Moment, sees, type Snapshot } from '../model/snapshot.ts';
import type { ChangeReader } from '../ports/changes.ts';

export interface Change {
  readonly job: Job;
  readonly since: Snapshot;
}

export interface Delta {
  /**
   * Reads the next page. Rejects with `CursorInvalidError` if the database does not continue the history that was seen.
   * After any other error the same page can be requested again.
   */
  nextPage(): Promise<{ readonly changes: readonly Change[]; readonly isLast: boolean }>;
  /** Returns the snapshot of everything seen after the last page. */
  seen(): Snapshot;
}

/**
 * Page size. A page takes this process a few milliseconds to read, so a client that catches up does not delay others.
 */
const PAGE = 200;

/**
 * Size of the first page. It is read before the client asks for anything, and after a restart by many clients at once,
 * so it must take little memory for each.
 */
const FIRST_PAGE = 20;

export function createDelta(reader: ChangeReader, accountId: string, history: string, before: Snapshot): Delta {
  let first: Snapshot | null = null;
  let position: ChangePosition | null = null;
  let end = before.xmax;

  return {
    async nextPage() {
      const limit = position === null ? FIRST_PAGE : PAGE;
      const page = await reader.listChanges(accountId, before, position, limit);
      checkContinuation(page, history, first ?? before);
      const reading = (first ??= page.snapshot);
      for (const { xid } of page.changes) if (sees(reading, xid) && xid >= end) end = xid + 1n;
      const last = page.changes.at(-1);
      if (last) position = { xid: last.xid, jobId: last.job.id };
      return {
        changes: page.changes.map(({ xid, job }) => ({ job, since: extend(before, reading, xid) })),
        // Changes that the first snapshot cannot see belong to the next delta; otherwise a steady stream of changes
        // would keep this one from ending.
        isLast: !last || page.changes.length < limit || last.xid >= reading.xmax,
      };
    },
    // Not the whole snapshot. Ids up to a committed change are never assigned again. Beyond it, a crash of the database
    // may lose transactions that were rolled back, and their ids are then assigned again.
    seen: () => cut(first ?? before, end),
  };
}

function checkContinuation(moment: Moment, history: string, before: Snapshot): void {
  if (moment.history !== history || moment.snapshot.xmax < before.xmax) throw new CursorInvalidError();
}
