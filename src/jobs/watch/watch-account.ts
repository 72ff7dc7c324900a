/**
 * Watches all jobs of an account, from now on or from a cursor. A wake-up is only a hint; the yielded value is always
 * the database row.
 */
import { CursorInvalidError } from '../model/errors.ts';
import { createAccountWatcher, type AccountWatcher, type JobUpdate } from './account-watcher.ts';
import { limitReads } from './limit-reads.ts';
import type { Feed } from '../ports/feed.ts';
import type { Log } from '../../log.ts';
import { cut, decodeCursor, encodeCursor, type Moment, type Snapshot } from '../model/snapshot.ts';
import type { ChangeReader } from '../ports/changes.ts';
import { createTail, type Tail } from './account-tail.ts';

export interface AccountWatch {
  /**
   * Yields the newest version of every job of the account that changes, at least once: discard duplicates by `version`.
   * With a cursor it also yields all changes since that cursor, regardless of restarts in the meantime. Ends only when
   * the reader leaves or the gateway stops. Rejects with `CursorInvalidError` for a malformed cursor, for one of
   * another database, and for one from after the backup from which this database was restored.
   */
  watch(accountId: string, after?: string | null): Promise<AsyncIterableIterator<JobUpdate>>;
  /**
   * Returns a cursor for the current moment. Watching from it yields every newer change that a read begun later could
   * see.
   */
  findCursor(accountId: string): Promise<string>;
  /** Returns the number of active watchers. */
  count(): number;
  /** Ends all watchers. */
  stop(): void;
}

export interface AccountWatchDeps {
  readonly reader: ChangeReader;
  readonly feed: Feed;
  readonly log: Log;
  /** Maximum number of jobs that wait in memory for one watcher, apart from one page of 200 that it has requested. */
  readonly maxUnread: number;
}

interface WatchedAccount {
  readonly watchers: Set<AccountWatcher>;
  /** Number of calls to `watch` that are still in progress; they keep the tail open. */
  joining: number;
  readonly opened: Promise<{ readonly tail: Tail; readonly history: string }>;
  wake(): void;
  close(): void;
}

/** Interval at which every watched account is read again, in case a wake-up was missed. */
const REREAD_MS = 20_000;
/** Maximum number of concurrent reads, so that ten thousand reconnecting clients leave connections to other work. */
const MAX_READS = 4;

export function createAccountWatch({ reader: store, feed, log, maxUnread }: AccountWatchDeps): AccountWatch {
  const reader = limitReads(store, MAX_READS);
  const watched = new Map<string, WatchedAccount>();
  let stopped = false;

  function open(accountId: string): WatchedAccount {
    const watchers = new Set<AccountWatcher>();
    let tail: Tail | null = null;
    let due = false;
    const entry: WatchedAccount = {
      watchers,
      joining: 0,
      opened: reader.findMoment(accountId).then((moment) => {
        const opened = createTail({ reader, accountId, history: moment.history, from: seenAt(moment), watchers, log });
        tail = opened;
        if (due) opened.wake();
        return { tail: opened, history: moment.history };
      }),
      wake() {
        due = true;
        tail?.wake();
      },
      close: () => tail?.close(),
    };
    return entry;
  }

  function leave(accountId: string, entry: WatchedAccount): void {
    if (entry.watchers.size > 0 || entry.joining > 0) return;
    entry.close();
    if (watched.get(accountId) === entry) watched.delete(accountId);
  }

  async function join(
    accountId: string,
    entry: WatchedAccount,
    after: string | null | undefined,
  ): Promise<AccountWatcher> {
    const { tail, history } = await entry.opened;
    const cursor = after == null ? null : decodeCursor(after);
    if (after != null && cursor?.history !== history) throw new CursorInvalidError();
    const watcher = createAccountWatcher({
      reader,
      accountId,
      history,
      seen: tail.seen,
      after: cursor?.snapshot ?? null,
      maxUnread,
      log,
      onClose() {
        entry.watchers.delete(watcher);
        leave(accountId, entry);
      },
    });
    // Registered before it catches up: a change between the two steps is yielded twice rather than never.
    entry.watchers.add(watcher);
    try {
      await watcher.catchUp();
    } catch (error) {
      watcher.end();
      throw error;
    }
    if (stopped) watcher.end();
    return watcher;
  }

  const wakeAll = (): void => watched.forEach(({ wake }) => wake());
  const timer = setInterval(wakeAll, REREAD_MS);
  const unsubscribe = feed.subscribe((_jobId, _version, accountId) => watched.get(accountId)?.wake(), wakeAll);

  return {
    async watch(accountId, after) {
      const entry = watched.get(accountId) ?? open(accountId);
      watched.set(accountId, entry);
      entry.joining += 1;
      try {
        return await join(accountId, entry, after);
      } finally {
        entry.joining -= 1;
        leave(accountId, entry);
      }
    },
    async findCursor(accountId) {
      const moment = await store.findMoment(accountId);
      return encodeCursor(moment.history, seenAt(moment));
    },
    count: () => [...watched.values()].reduce((sum, { watchers }) => sum + watchers.size, 0),
    stop() {
      stopped = true;
      clearInterval(timer);
      unsubscribe();
      for (const { watchers } of [...watched.values()]) for (const watcher of [...watchers]) watcher.end();
    },
  };
}

/** Returns the snapshot up to the newest change and no further, for the reason given in `change-pages.ts`. */
const seenAt = ({ snapshot, newestXid }: Moment & { newestXid: bigint | null }): Snapshot =>
  cut(snapshot, newestXid === null ? 0n : newestXid + 1n);
