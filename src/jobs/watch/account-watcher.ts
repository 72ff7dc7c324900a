/**
 * An account watcher: one reader of an account's changes, as an async iterator. Unread changes wait in a box that holds
 * the newest version of each job. When the box is full, it is emptied, and its changes are read again from the database
 * as the reader asks for them. A slow reader therefore costs bounded memory and misses only superseded versions.
 * Hand-written, because `return()` of an async generator hangs while the generator waits.
 */
import { createDelta, type Change, type Delta } from './change-pages.ts';
import { CursorInvalidError } from '../model/errors.ts';
import type { Job } from '../model/job.ts';
import type { Log } from '../../log.ts';
import { encodeCursor, type Snapshot } from '../model/snapshot.ts';
import type { ChangeReader } from '../ports/changes.ts';
import { createUnreadChanges } from './unread-changes.ts';

export interface JobUpdate {
  /** The reader's position: watching from here misses nothing that has not been yielded. */
  readonly cursor: string;
  readonly job: Job;
}

export interface AccountWatcher extends AsyncIterableIterator<JobUpdate> {
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

export interface AccountWatcherOptions {
  readonly reader: ChangeReader;
  readonly accountId: string;
  readonly history: string;
  /** The position up to which changes have been offered to all watchers. */
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

type Mode =
  /** The box holds every change that the reader lacks, besides the rest of the last page of a catch-up. */
  | { readonly kind: 'live' }
  /** The box has overflowed, or the reader begins in the past: the changes after `from` are read when it asks. */
  | { readonly kind: 'overflowed'; readonly from: Snapshot }
  /**
   * Missed changes are read page by page up to the end of `delta`; `reached` is the position after the latest page. If
   * the box overflows in the meantime, another catch-up follows, from `overflowedAt`.
   */
  | {
      readonly kind: 'catchingUp';
      readonly delta: Delta;
      readonly reached: Snapshot;
      readonly overflowedAt: Snapshot | null;
    }
  /** `failure` is an error that the reader has not received yet. */
  | { readonly kind: 'ended'; readonly failure: Error | null };

const RETRY_MS = 1_000;

export function createAccountWatcher({
  reader,
  accountId,
  history,
  seen,
  after,
  maxUnread,
  log,
  onClose,
}: AccountWatcherOptions): AccountWatcher {
  const unread = createUnreadChanges(maxUnread);
  const waiting: Waiting[] = [];
  let mode: Mode = after ? { kind: 'overflowed', from: after } : { kind: 'live' };
  let reading = false;
  let retry: NodeJS.Timeout | undefined;

  const currentMode = (): Mode => mode;
  const hasEnded = (): boolean => mode.kind === 'ended';

  /** Returns the position: every change that it sees was yielded, or superseded by a change that it does not see. */
  function position(): Snapshot {
    const beforePage = unread.beforePage();
    if (beforePage) return beforePage;
    if (mode.kind === 'catchingUp') return mode.reached;
    if (mode.kind === 'overflowed') return mode.from;
    return unread.beforeBox() ?? seen();
  }

  const take = (): Job | null => unread.takeFromPage() ?? (mode.kind === 'live' ? unread.takeFromBox() : null);

  async function readPage(): Promise<void> {
    reading = true;
    try {
      // From here on the box accepts offers: changes offered earlier are older than the page that is read now.
      if (mode.kind === 'overflowed')
        mode = {
          kind: 'catchingUp',
          delta: createDelta(reader, accountId, history, mode.from),
          reached: mode.from,
          overflowedAt: null,
        };
      const read = await (mode.kind === 'catchingUp' ? mode.delta.nextPage() : null);
      // The mode may have changed during the read.
      const catchUp = currentMode();
      if (!read || catchUp.kind !== 'catchingUp') return;
      unread.setPage(read.changes);
      if (!read.isLast) mode = { ...catchUp, reached: read.changes.at(-1)?.since ?? catchUp.reached };
      else if (catchUp.overflowedAt) mode = { kind: 'overflowed', from: catchUp.overflowedAt };
      else mode = { kind: 'live' };
    } finally {
      reading = false;
    }
  }

  function readOn(): void {
    readPage().then(deliver, (error: Error) => {
      if (hasEnded()) return;
      if (error instanceof CursorInvalidError) return fail(error);
      log.warn({ err: error }, 'changes could not be read; retrying');
      retry = setTimeout(() => {
        retry = undefined;
        deliver();
      }, RETRY_MS);
    });
  }

  function deliver(): void {
    while (waiting.length > 0 && !reading && !retry && !hasEnded()) {
      const job = take();
      if (job) waiting.shift()!.resolve({ value: { cursor: encodeCursor(history, position()), job }, done: false });
      else if (mode.kind === 'live') return;
      else readOn();
    }
  }

  function close(): void {
    if (hasEnded()) return;
    mode = { kind: 'ended', failure: null };
    clearTimeout(retry);
    unread.clear();
    onClose();
  }

  function end(): void {
    close();
    for (const { resolve } of waiting.splice(0)) resolve({ value: undefined, done: true });
  }

  function fail(error: Error): void {
    if (hasEnded()) return;
    close();
    const reader = waiting.shift();
    if (reader) reader.reject(error);
    else mode = { kind: 'ended', failure: error };
    end();
  }

  return {
    catchUp: readPage,
    offer(changes) {
      for (const change of changes) {
        if (mode.kind === 'overflowed' || mode.kind === 'ended') return;
        if (mode.kind === 'catchingUp' && mode.overflowedAt) return;
        const from = unread.put(change);
        if (from) mode = mode.kind === 'catchingUp' ? { ...mode, overflowedAt: from } : { kind: 'overflowed', from };
      }
    },
    deliver,
    unread: unread.count,
    end,
    fail,
    next() {
      if (mode.kind === 'ended') {
        const { failure } = mode;
        if (!failure) return Promise.resolve({ value: undefined, done: true });
        mode = { kind: 'ended', failure: null };
        return Promise.reject(failure);
      }
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
