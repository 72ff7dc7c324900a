/** Watching: following a job until its end. A wake-up is only a hint; what is yielded is the row. */
import { JobNotFoundError } from './errors.ts';
import { isTerminal, type Job } from './job.ts';
import { createMailbox, type Mailbox } from './mailbox.ts';
import type { Feed, JobReader, Log } from './ports.ts';

export interface Watching {
  /**
   * Yields the job as it is, then every newer state, and ends after a terminal one. With `afterVersion` it yields only what is newer;
   * a terminal job that is not newer ends at once. Rejects with `JobNotFoundError` for unknown and for somebody else's.
   */
  watch(accountId: string, jobId: string, afterVersion?: number): Promise<AsyncIterableIterator<Job>>;
  /** How many watch now. */
  count(): number;
  /** Ends everybody's watch. */
  stop(): void;
}

interface Watcher {
  readonly accountId: string;
  readonly mailbox: Mailbox<Job>;
  version: number;
}

/** Even when a wake-up was missed, what is watched is read again after this long. */
const REREAD_MS = 20_000;
const REREAD_BATCH = 100;

export function createWatching(reader: JobReader, feed: Feed, log: Log): Watching {
  const watched = new Map<string, Set<Watcher>>();
  /** Jobs being read now; true when a wake-up came meanwhile, so that they are read once more. */
  const reading = new Map<string, boolean>();

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

  function offer(watcher: Watcher, job: Job): void {
    if (job.version > watcher.version) {
      watcher.version = job.version;
      watcher.mailbox.put(job.id, job);
    }
    if (isTerminal(job.state)) watcher.mailbox.end();
  }

  function offerAll(job: Job): void {
    for (const watcher of [...(watched.get(job.id) ?? [])]) if (watcher.accountId === job.accountId) offer(watcher, job);
  }

  /** One read at a time for each job, however many watch it and however many wake-ups come. */
  async function read(jobId: string): Promise<void> {
    if (reading.has(jobId)) return void reading.set(jobId, true);
    try {
      do {
        reading.set(jobId, false);
        for (const accountId of new Set([...(watched.get(jobId) ?? [])].map((watcher) => watcher.accountId))) {
          const job = await reader.find(accountId, jobId);
          if (job) offerAll(job);
        }
      } while (reading.get(jobId));
    } catch (error) {
      log.warn({ jobId, err: error }, 'a watched job could not be read; it is read again later');
    } finally {
      reading.delete(jobId);
    }
  }

  async function readAll(): Promise<void> {
    const idsOf = new Map<string, string[]>();
    for (const [jobId, watchers] of watched) {
      for (const accountId of new Set([...watchers].map((watcher) => watcher.accountId))) {
        const ids = idsOf.get(accountId);
        if (ids) ids.push(jobId);
        else idsOf.set(accountId, [jobId]);
      }
    }
    for (const [accountId, ids] of idsOf) {
      for (let from = 0; from < ids.length; from += REREAD_BATCH) {
        const jobs = await reader.list(accountId, { ids: ids.slice(from, from + REREAD_BATCH) }, null, REREAD_BATCH);
        jobs.forEach(offerAll);
      }
    }
  }

  const readAllQuietly = () => void readAll().catch((error: unknown) => log.warn({ err: error }, 'watched jobs could not be read; they are read again later'));
  const timer = setInterval(readAllQuietly, REREAD_MS);
  const unsubscribe = feed.subscribe((jobId, version) => {
    const watchers = watched.get(jobId);
    if (watchers && [...watchers].some((watcher) => watcher.version < version)) void read(jobId);
  }, readAllQuietly);

  return {
    async watch(accountId, jobId, afterVersion = 0) {
      const watcher: Watcher = { accountId, version: afterVersion, mailbox: createMailbox(() => unregister(jobId, watcher)) };
      // Registered before the row is read: a change between the two is offered twice and yielded once, never missed.
      register(jobId, watcher);
      try {
        const job = await reader.find(accountId, jobId);
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
      clearInterval(timer);
      unsubscribe();
      for (const watchers of [...watched.values()]) for (const { mailbox } of [...watchers]) mailbox.end();
    },
  };
}
