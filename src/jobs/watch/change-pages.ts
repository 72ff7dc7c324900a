/**
 * What has changed since a snapshot, read in pages by transaction and id while the changing goes on.
 *
 * Beside each job stands `since`: a cursor from which everything before the job in the delta is seen, and the job is
 * not. It is exact because of the order. Take a job whose newest version was written by x and is seen by the first
 * page's snapshot. Until the last page it has not moved, so the page that covers x had it. If it has moved meanwhile,
 * then by a transaction that the first snapshot does not see; upward, or downward when an older transaction commits
 * late. Either way no `since` of this delta claims to have seen that one, and the next delta has it.
 */
import { CursorInvalidError } from '../model/errors.ts';
import type { Job } from '../model/job.ts';
import { type ChangePosition, cut, extend, type Moment, sees, type Snapshot } from '../model/snapshot.ts';
import type { ChangeReader } from '../ports/changes.ts';

export interface Change {
  readonly job: Job;
  readonly since: Snapshot;
}

interface Delta {
  /**
   * Rejects with `CursorInvalidError` when the database is no continuation of what was seen; after any other error the
   * same page can be asked for again.
   */
  nextPage(): Promise<{ readonly changes: readonly Change[]; readonly isLast: boolean }>;
  /** What is seen after the last page. */
  seen(): Snapshot;
}

/** Some milliseconds of work for this process, so that one who catches up does not keep the others waiting. */
const PAGE = 200;

/**
 * The first page is read before the client asks for anything, by many clients at once after a restart: it takes little
 * memory for each.
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
        // What the first snapshot cannot see is the next delta's, or a steady stream would never let this one end.
        isLast: !last || page.changes.length < limit || last.xid >= reading.xmax,
      };
    },
    // Not the whole snapshot: up to a change that is committed no id is given out again, beyond it a crash of the
    // database may forget transactions that were rolled back, and their ids come back.
    seen: () => cut(first ?? before, end),
  };
}

function checkContinuation(moment: Moment, history: string, before: Snapshot): void {
  if (moment.history !== history || moment.snapshot.xmax < before.xmax) throw new CursorInvalidError();
}
