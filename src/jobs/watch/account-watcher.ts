/**
 * A follower: one reader of an account's changes, as an async iterator. Unread changes wait in a box that holds the
 * newest version of each job. When the box is full, it is emptied, and its changes are read again from the database as
 * the reader asks for them. A slow reader therefore costs bounded memory and misses only superseded versions.
 * Hand-written, because `return()` of an async generator hangs while the generator waits.
 */
import { createDelta, type Change } from './change-pages.ts';
import { CursorInvalidError } from '../model/errors.ts';
import type { Job } from '../model/job.ts';
import type { Log } from '../../log.ts';
import { encodeCursor, type Snapshot } from '../model/snapshot.ts';
import type { ChangeReader } from '../ports/changes.ts';

export interface JobUpdate {
  /** The reader's position: following from here misses nothing that has not been yielded. */
  readonly cursor: string;
  readonly job: Job;
}

export interface Follower extends AsyncIterableIterator<JobUpdate> {
  /** Reads the first page of the missed changes, so that an invalid cursor is reported now rather than later. */
  catchUp(): Promise<void>;
  /** Adds changes. A later version of a job replaces an earlier one and goes to the end. */
  offer(changes: readonly Change[]): void;
  /** Delivers the available changes to a waiting reader. */
  deliver(): void;
  /** Returns the number of jobs that wait in memory. */
  unread(): number;
  end(): void;
  /** Delivers the error to the reader, then ends. */
  fail(error: Error): void;
}

export interface FollowerOptions {
  readonly reader: ChangeReader;
  readonly accountId: string;
  readonly history: string;
  /** The position up to which changes have been offered to all followers. */
  readonly seen: () => Snapshot;
  /** The position from which to continue; null begins with the changes that are offered from now on. */
  readonly after: Snapshot | null;
  readonly maxUnread: number;
  readonly log: Log;
  /** Called once: when the reader leaves, at the end, or on failure. */
  readonly onClose: () => void;
}

interface Waiting {
  resolve(result: IteratorResult<JobUpdate>): void;
  reject(error: Error): void;
}

const RETRY_MS = 1_000;

export function createFollower({
  reader,
  accountId,
  history,
  seen,
  after,
  maxUnread,
  log,
  onClose,
}: FollowerOptions): Follower {
  const box = new Map<string, Change>();
  const waiting: Waiting[] = [];
  /** The position from which to catch up when the reader asks for more; until then the box accepts no changes. */
  let behind = after;
  /** The catch-up in progress: its latest page, and the position that it has reached. */
  let delta: ReturnType<typeof createDelta> | null = null;
  let page: Change[] = [];
  let reached: Snapshot | null = null;
  let reading = false;
  let retry: NodeJS.Timeout | undefined;
  let ended = false;
  let failure: Error | null = null;

  const oldest = (): Change | undefined => box.values().next().value;

  /** Returns the position: every change that it sees was yielded, or superseded by a change that it does not see. */
  const position = (): Snapshot => page[0]?.since ?? (delta && reached) ?? behind ?? oldest()?.since ?? seen();

  function take(): Job | null {
    const paged = page.shift();
    if (paged) {
      const boxed = box.get(paged.job.id);
      if (boxed && boxed.job.version <= paged.job.version) box.delete(paged.job.id);
      return paged.job;
    }
    if (delta || behind) return null;
    const boxed = oldest();
    if (boxed) box.delete(boxed.job.id);
    return boxed?.job ?? null;
  }

  async function readPage(): Promise<void> {
    reading = true;
    try {
      if (!delta && behind) {
        delta = createDelta(reader, accountId, history, behind);
        reached = behind;
        // From here on the box accepts offers: changes offered earlier are older than the page that is read now.
        behind = null;
      }
      const read = await delta?.nextPage();
      if (!read || ended) return;
      page = [...read.changes];
      reached = page.at(-1)?.since ?? reached;
      if (read.isLast) delta = null;
    } finally {
      reading = false;
    }
  }

  function readOn(): void {
    readPage().then(deliver, (error: Error) => {
      if (ended) return;
      if (error instanceof CursorInvalidError) return fail(error);
      log.warn({ err: error }, 'changes could not be read; retrying');
      retry = setTimeout(() => {
        retry = undefined;
        deliver();
      }, RETRY_MS);
    });
  }

  function deliver(): void {
    while (waiting.length > 0 && !reading && !retry && !ended) {
      const job = take();
      if (job) waiting.shift()!.resolve({ value: { cursor: encodeCursor(history, position()), job }, done: false });
      else if (delta || behind) readOn();
      else return;
    }
  }

  function close(): void {
    if (ended) return;
    ended = true;
    clearTimeout(retry);
    box.clear();
    page = [];
    onClose();
  }

  function end(): void {
    close();
    for (const { resolve } of waiting.splice(0)) resolve({ value: undefined, done: true });
  }

  function fail(error: Error): void {
    if (ended) return;
    close();
    const reader = waiting.shift();
    if (reader) reader.reject(error);
    else failure = error;
    end();
  }

  return {
    catchUp: readPage,
    offer(changes) {
      if (ended) return;
      for (const change of changes) {
        if (behind) return;
        const { id, version } = change.job;
        // A version that is offered again keeps its place. Behind later changes it would still be unread although their
        // `since` already sees it.
        if ((box.get(id)?.job.version ?? 0) >= version) continue;
        box.delete(id);
        box.set(id, change);
        if (box.size <= maxUnread) continue;
        behind = oldest()!.since;
        box.clear();
      }
    },
    deliver,
    unread: () => box.size + page.length,
    end,
    fail,
    next() {
      if (failure) {
        const error = failure;
        failure = null;
        return Promise.reject(error);
      }
      if (ended) return Promise.resolve({ value: undefined, done: true });
      const result = new Promise<IteratorResult<JobUpdate>>((resolve, reject) => waiting.push({ resolve, reject }));
      deliver();
      return result;
    },
    return() {
      end();
      return Promise.resolve({ value: undefined, done: true });
    },
    throw(error) {
      end();
      return Promise.reject(error as Error);
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
