/**
 * Follows all jobs of an account, from now on or from a cursor. A wake-up is only a hint; the yielded value is always
 * the database row.
 */
import { CursorInvalidError } from '../model/errors.ts';
import { createFollower, type Follower, type JobUpdate } from './account-watcher.ts';
import { limitReads } from './limit-reads.ts';
import type { Feed } from '../ports/feed.ts';
import type { Log } from '../../log.ts';
import { cut, decodeCursor, encodeCursor, type Moment, type Snapshot } from '../model/snapshot.ts';
import type { ChangeReader } from '../ports/changes.ts';
import { createTail, type Tail } from './account-tail.ts';

export interface Following {
  /**
   * Yields the newest version of every job of the account that changes, at least once: discard duplicates by `version`.
   * With a cursor it also yields all changes since that cursor, regardless of restarts in the meantime. Ends only when
   * the reader leaves or the gateway stops. Rejects with `CursorInvalidError` for a malformed cursor, for one of
   * another database, and for one from after the backup from which this database was restored.
   */
  follow(accountId: string, after?: string | null): Promise<AsyncIterableIterator<JobUpdate>>;
  /**
   * Returns a cursor for the current moment. Following from it yields every newer change that a read begun later could
   * see.
   */
  findCursor(accountId: string): Promise<string>;
  /** Returns the number of active followers. */
  count(): number;
  /** Ends all followers. */
  stop(): void;
}

export interface FollowDeps {
  readonly reader: ChangeReader;
  readonly feed: Feed;
  readonly log: Log;
  /** Maximum number of jobs that wait in memory for one follower, apart from one page of 200 that it has requested. */
  readonly maxUnread: number;
}

interface Followed {
  readonly followers: Set<Follower>;
  /** Number of calls to `follow` that are still in progress; they keep the tail open. */
  joining: number;
  readonly opened: Promise<{ readonly tail: Tail; readonly history: string }>;
  wake(): void;
  close(): void;
}

/** Interval at which every followed account is read again, in case a wake-up was missed. */
const REREAD_MS = 20_000;
/** Maximum number of concurrent reads, so that ten thousand reconnecting clients leave connections to other work. */
const MAX_READS = 4;

export function createFollowing({ reader: store, feed, log, maxUnread }: FollowDeps): Following {
  const reader = limitReads(store, MAX_READS);
  const followed = new Map<string, Followed>();
  let stopped = false;

  function open(accountId: string): Followed {
    const followers = new Set<Follower>();
    let tail: Tail | null = null;
    let due = false;
    const entry: Followed = {
      followers,
      joining: 0,
      opened: reader.findMoment(accountId).then((moment) => {
        const opened = createTail({ reader, accountId, history: moment.history, from: seenAt(moment), followers, log });
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

  function leave(accountId: string, entry: Followed): void {
    if (entry.followers.size > 0 || entry.joining > 0) return;
    entry.close();
    if (followed.get(accountId) === entry) followed.delete(accountId);
  }

  async function join(accountId: string, entry: Followed, after: string | null | undefined): Promise<Follower> {
    const { tail, history } = await entry.opened;
    const cursor = after == null ? null : decodeCursor(after);
    if (after != null && cursor?.history !== history) throw new CursorInvalidError();
    const follower = createFollower({
      reader,
      accountId,
      history,
      seen: tail.seen,
      after: cursor?.snapshot ?? null,
      maxUnread,
      log,
      onClose() {
        entry.followers.delete(follower);
        leave(accountId, entry);
      },
    });
    // Registered before it catches up: a change between the two steps is yielded twice rather than never.
    entry.followers.add(follower);
    try {
      await follower.catchUp();
    } catch (error) {
      follower.end();
      throw error;
    }
    if (stopped) follower.end();
    return follower;
  }

  const wakeAll = (): void => followed.forEach(({ wake }) => wake());
  const timer = setInterval(wakeAll, REREAD_MS);
  const unsubscribe = feed.subscribe((_jobId, _version, accountId) => followed.get(accountId)?.wake(), wakeAll);

  return {
    async follow(accountId, after) {
      const entry = followed.get(accountId) ?? open(accountId);
      followed.set(accountId, entry);
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
    count: () => [...followed.values()].reduce((sum, { followers }) => sum + followers.size, 0),
    stop() {
      stopped = true;
      clearInterval(timer);
      unsubscribe();
      for (const { followers } of [...followed.values()]) for (const follower of [...followers]) follower.end();
    },
  };
}

/** Returns the snapshot up to the newest change and no further, for the reason given in `change-pages.ts`. */
const seenAt = ({ snapshot, newestXid }: Moment & { newestXid: bigint | null }): Snapshot =>
  cut(snapshot, newestXid === null ? 0n : newestXid + 1n);
