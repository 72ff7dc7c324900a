/** Watches a job until its end. A wake-up is only a hint; the yielded value is always the database row. */
import { setTimeout } from 'node:timers/promises';
import { JobNotFoundError } from '../model/errors.ts';
import { isTerminal, type Job } from '../model/job.ts';
import { createLimiter } from '../../concurrency/limiter.ts';
import { createMailbox, type Mailbox } from '../../concurrency/mailbox.ts';
import type { Feed } from '../ports/feed.ts';
import type { JobReader } from '../ports/job-reader.ts';
import type { Log } from '../../log.ts';

export interface JobWatch {
  /**
   * Yields the job in its current state, then every newer state, and ends after a terminal one. A slow reader gets only
   * the newest state. With `afterVersion` it yields only newer versions. It ends at once if the job ended in that
   * version or is deleted. Rejects with `JobNotFoundError` for an unknown job and for a job of another account.
   */
  watch(accountId: string, jobId: string, afterVersion?: number): Promise<AsyncIterableIterator<Job>>;
  /** Returns the number of active watches. */
  count(): number;
  /** Ends all watches. */
  stop(): void;
}

interface Watcher {
  readonly accountId: string;
  readonly mailbox: Mailbox<Job>;
  /** The newest version that was yielded or that the client already has. */
  version: number;
  /** The newest version in which the job was seen before its end. */
  openVersion: number | null;
}

/** Interval at which every watched job is read again, in case a wake-up was missed. */
const REREAD_MS = 20_000;
const READ_BATCH = 100;
const RETRY_MS = 1_000;
/** Maximum number of concurrent first reads, so that ten thousand reconnecting clients leave connections to others. */
const MAX_FINDS = 4;

export function createJobWatch(reader: JobReader, feed: Feed, log: Log): JobWatch {
  const watched = new Map<string, Set<Watcher>>();
  const inTurn = createLimiter(MAX_FINDS);
  /** Jobs that may have changed since they were read. */
  const due = new Set<string>();
  let reading = false;
  let stopped = false;

  function register(jobId: string, watcher: Watcher): void {
    const watchers = watched.get(jobId);
    if (watchers) watchers.add(watcher);
    else watched.set(jobId, new Set([watcher]));
  }

  function unregister(jobId: string, watcher: Watcher): void {
    const watchers = watched.get(jobId);
    watchers?.delete(watcher);
    if (watchers?.size === 0) watched.delete(jobId);
  }

  /**
   * Returns true if the job is news to the watcher. Versions only increase, unless the database has lost commits in a
   * failover or a restore from a backup. The job can then end in a version that a watcher has already seen, or in a
   * lower one. The watcher still receives the end.
   */
  function isNews({ version, openVersion }: Watcher, job: Job): boolean {
    return job.version > version || (isTerminal(job.state) && (job.version < version || job.version === openVersion));
  }

  function offer(watcher: Watcher, job: Job): void {
    const ends = isTerminal(job.state);
    if (isNews(watcher, job)) {
      watcher.version = job.version;
      watcher.mailbox.put(job.id, job);
    }
    if (ends) watcher.mailbox.end();
    else if (job.version >= watcher.version) watcher.openVersion = job.version;
  }

  function offerAll(job: Job): void {
    for (const watcher of [...(watched.get(job.id) ?? [])])
      if (watcher.accountId === job.accountId) offer(watcher, job);
  }

  function endAll(jobId: string, accountId: string): void {
    for (const watcher of [...(watched.get(jobId) ?? [])]) if (watcher.accountId === accountId) watcher.mailbox.end();
  }

  /** Reads all due jobs, many in one statement, regardless of the number of wake-ups and watches. */
  async function readDue(): Promise<void> {
    reading = true;
    while (due.size > 0 && !stopped) {
      const batch = new Map<string, Set<string>>();
      for (const jobId of [...due].slice(0, READ_BATCH)) {
        due.delete(jobId);
        for (const { accountId } of watched.get(jobId) ?? []) {
          const ids = batch.get(accountId);
          if (ids) ids.add(jobId);
          else batch.set(accountId, new Set([jobId]));
        }
      }
      for (const [accountId, ids] of batch) {
        const jobs = await reader.list(accountId, { ids: [...ids] }, null, READ_BATCH).catch((error: unknown) => {
          log.warn({ err: error }, 'watched jobs could not be read; retrying');
          return null;
        });
        jobs?.forEach(offerAll);
        if (jobs) {
          // A missing job was deleted between its end and this read: no further state will come.
          const found = new Set(jobs.map(({ id }) => id));
          for (const id of ids) if (!found.has(id)) endAll(id, accountId);
          continue;
        }
        for (const id of ids) due.add(id);
        await setTimeout(RETRY_MS);
      }
    }
    // Set synchronously after the last check of `due`: a later wake-up starts a new reader.
    reading = false;
  }

  function wake(jobId: string): void {
    due.add(jobId);
    if (!reading) void readDue();
  }

  const wakeAll = (): void => [...watched.keys()].forEach(wake);
  const timer = setInterval(wakeAll, REREAD_MS);
  const unsubscribe = feed.subscribe((jobId, version) => {
    for (const watcher of watched.get(jobId) ?? []) if (watcher.version < version) return wake(jobId);
  }, wakeAll);

  return {
    async watch(accountId, jobId, afterVersion = 0) {
      const watcher: Watcher = {
        accountId,
        version: afterVersion,
        openVersion: null,
        mailbox: createMailbox(() => unregister(jobId, watcher)),
      };
      // Registered before the row is read: a change between the two is offered twice and yielded once, never missed.
      register(jobId, watcher);
      try {
        const job = await inTurn(() => reader.find(accountId, jobId));
        if (!job) throw new JobNotFoundError();
        offer(watcher, job);
        return watcher.mailbox;
      } catch (error) {
        watcher.mailbox.end();
        throw error;
      }
    },
    count: () => [...watched.values()].reduce((sum, watchers) => sum + watchers.size, 0),
    stop() {
      stopped = true;
      clearInterval(timer);
      unsubscribe();
      for (const watchers of [...watched.values()]) for (const { mailbox } of [...watchers]) mailbox.end();
    },
  };
}
