/**
 * The unread changes of one account watcher: the page of its catch-up, and a box with the newest version of each job
 * that has changed since. Changes of the page are read first.
 */
import type { Change } from './change-pages.ts';
import type { Job } from '../model/job.ts';
import type { Snapshot } from '../model/snapshot.ts';

export interface UnreadChanges {
  setPage(changes: readonly Change[]): void;
  /** Removes the next change of the page, and the box's change of the same job unless it is newer. */
  takeFromPage(): Job | null;
  takeFromBox(): Job | null;
  /** Returns the position before the next change of the page; undefined if the page is empty. */
  beforePage(): Snapshot | undefined;
  /** Returns the position before the oldest change in the box; undefined if the box is empty. */
  beforeBox(): Snapshot | undefined;
  /**
   * Puts a change into the box, at its end and in place of an earlier version of the job. If the box is then over its
   * limit, empties it and returns the position before all the changes that it held; otherwise returns null.
   */
  put(change: Change): Snapshot | null;
  count(): number;
  clear(): void;
}

/** `limit` is the maximum number of jobs in the box. */
export function createUnreadChanges(limit: number): UnreadChanges {
  const box = new Map<string, Change>();
  let page: Change[] = [];

  const oldest = (): Change | undefined => box.values().next().value;

  return {
    setPage(changes) {
      page = [...changes];
    },
    takeFromPage() {
      const paged = page.shift();
      if (!paged) return null;
      const boxed = box.get(paged.job.id);
      if (boxed && boxed.job.version <= paged.job.version) box.delete(paged.job.id);
      return paged.job;
    },
    takeFromBox() {
      const boxed = oldest();
      if (boxed) box.delete(boxed.job.id);
      return boxed?.job ?? null;
    },
    beforePage: () => page[0]?.since,
    beforeBox: () => oldest()?.since,
    put(change) {
      const { id, version } = change.job;
      // A version that is offered again keeps its place. Behind later changes it would still be unread although their
      // `since` already sees it.
      if ((box.get(id)?.job.version ?? 0) >= version) return null;
      box.delete(id);
      box.set(id, change);
      if (box.size <= limit) return null;
      const before = oldest()!.since;
      box.clear();
      return before;
    },
    count: () => box.size + page.length,
    clear() {
      box.clear();
      page = [];
    },
  };
}
