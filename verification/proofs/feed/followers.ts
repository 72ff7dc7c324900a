/**
 * The proof of the account feed. While writers change jobs, followers connect to and disconnect from two instances and
 * a third one with a small buffer. Each follower resumes from the cursor of the last update that it read. In the end,
 * every follower must have the newest version of every job, and no connected follower may have waited long for a
 * change.
 */
import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { closePool, createConnections } from '../../../src/db/connection/client.ts';
import { startFeed } from '../../../src/db/feed/feed.ts';
import { createJobStore } from '../../../src/db/stores.ts';
import { createAccountWatch, type AccountWatch } from '../../../src/jobs/watch/watch-account.ts';
import type { JobUpdate } from '../../../src/jobs/watch/account-watcher.ts';
import type { ChangeReader } from '../../../src/jobs/ports/changes.ts';
import { ACCOUNT, createWriters, type Ledger, type WriterFigures } from './writers.ts';
import { UnavailableError } from '../../../src/errors.ts';

export interface FeedFigures extends WriterFigures {
  readonly changes: number;
  readonly jobs: number;
  readonly seconds: number;
  readonly changesPerSecond: number;
  readonly followers: number;
  readonly resumes: number;
  /** The number of times that a follower was refused because the database did not answer in time, and retried. */
  readonly unavailable: number;
  readonly deliveries: number;
  /** Deliveries of a version that the follower already had. */
  readonly repeats: number;
  /**
   * The time from the commit of the first version that a follower lacked to the delivery of that version or a newer
   * one, counted while the follower was connected.
   */
  readonly lagP50Ms: number;
  readonly lagP99Ms: number;
  readonly lagMaxMs: number;
  /** Newest versions that a follower did not receive. */
  readonly missed: number;
}

const FOLLOWERS = 6;
const SLOW_FOLLOWERS = 2;
const SMALL_BOX = 10;
/** The maximum number of changes for which a follower stays disconnected. */
const MAX_ABSENCE = 500;

interface Counts {
  resumes: number;
  unavailable: number;
  deliveries: number;
  repeats: number;
  missed: number;
  readonly lagsMs: number[];
}

export interface FeedProofOptions {
  /** Replaces the real reader with a faulty one, as a negative control: the proof must then fail. */
  readonly spoil?: (reader: ChangeReader) => ChangeReader;
  /** How long a follower may take to catch up after the last change. */
  readonly patienceMs?: number;
}

export async function proveFeed(
  url: string,
  changes: number,
  { spoil = (reader) => reader, patienceMs = 10_000 }: FeedProofOptions = {},
): Promise<FeedFigures> {
  const instances = await Promise.all(
    [1_000, 1_000, SMALL_BOX].map((maxUnread) => startInstance(url, maxUnread, spoil)),
  );
  const [a, b, small] = instances.map(({ accountWatch }) => accountWatch) as [AccountWatch, AccountWatch, AccountWatch];
  const counts: Counts = { resumes: 0, unavailable: 0, deliveries: 0, repeats: 0, missed: 0, lagsMs: [] };
  try {
    const { ledger, run } = await createWriters(url, changes, (changed) =>
      instances[randomInt(instances.length)]!.announce(changed),
    );
    const start = performance.now();
    const cursor = await a.findCursor(ACCOUNT);
    const role = { ledger, changes, from: cursor, patienceMs, counts };
    const quick = Array.from({ length: FOLLOWERS }, () => follow({ ...role, instances: [a, b], slowUntil: null }));
    // Slow followers are far behind at the end. They catch up only after the quick ones have finished. Otherwise they
    // would keep this one process busy while the last lags of the quick ones are measured.
    const slow = Array.from({ length: SLOW_FOLLOWERS }, () =>
      follow({ ...role, instances: [small], slowUntil: Promise.all(quick) }),
    );
    const written = await run();
    const seconds = (performance.now() - start) / 1_000;
    await Promise.all([...quick, ...slow]);
    const { lagsMs, ...rest } = counts;
    lagsMs.sort((x, y) => x - y);
    const lag = (share: number) => round(lagsMs[Math.min(lagsMs.length - 1, Math.floor(lagsMs.length * share))] ?? 0);
    return {
      changes: ledger.changes(),
      jobs: ledger.jobIds.length,
      seconds: round(seconds),
      changesPerSecond: Math.round(ledger.changes() / seconds),
      followers: FOLLOWERS + SLOW_FOLLOWERS,
      ...written,
      ...rest,
      lagP50Ms: lag(0.5),
      lagP99Ms: lag(0.99),
      lagMaxMs: lag(1),
    };
  } finally {
    await Promise.all(instances.map(({ stop }) => stop()));
  }
}

const round = (value: number): number => Math.round(value * 10) / 10;

async function startInstance(url: string, maxUnread: number, spoil: (reader: ChangeReader) => ChangeReader) {
  const connections = createConnections(url, 5, () => undefined);
  const feed = await startFeed(url, () => undefined);
  const complain = (fields: object, message: string) => console.error(message, fields);
  const accountWatch = createAccountWatch({
    reader: spoil(createJobStore(connections)),
    feed,
    maxUnread,
    log: { info: () => undefined, warn: complain, error: complain },
  });
  return {
    accountWatch,
    announce: feed.announce,
    async stop() {
      accountWatch.stop();
      await feed.stop();
      await closePool(connections);
    },
  };
}

interface Role {
  readonly ledger: Ledger;
  readonly changes: number;
  readonly instances: readonly AccountWatch[];
  readonly from: string;
  /** If set, the follower reads more slowly than changes are written, and reads the rest once this promise resolves. */
  readonly slowUntil: Promise<unknown> | null;
  readonly patienceMs: number;
  readonly counts: Counts;
}

/**
 * Runs one follower from the first change until it has everything or is given up. A slow follower reads more slowly
 * than changes are written.
 */
async function follow({ ledger, changes, instances, from, slowUntil, patienceMs, counts }: Role): Promise<void> {
  const versions = new Map(ledger.jobIds.map((id) => [id, 1]));
  let cursor = from;
  let ended = false;
  const allWritten = ledger.until(Infinity).then(() => void (ended = true));
  const givenUp = allWritten.then(() => slowUntil).then(() => delay(patienceMs, undefined, { ref: false }));
  const isMissing = (id: string): boolean => versions.get(id)! < ledger.committedAt.get(id)!.length - 1;

  function take({ cursor: next, job: { id, version } }: JobUpdate, since: number): void {
    cursor = next;
    counts.deliveries += 1;
    const had = versions.get(id)!;
    if (version <= had) return void (counts.repeats += 1);
    versions.set(id, version);
    const now = performance.now();
    // A delivery may arrive before the answer to the commit.
    if (!slowUntil) counts.lagsMs.push(Math.max(0, now - Math.max(since, ledger.committedAt.get(id)![had + 1] ?? now)));
  }

  /** Resumes from the cursor, reads updates, and disconnects. */
  async function visit(
    limit: number,
    end: Promise<unknown>,
    hasAll: (latest: string | null) => boolean,
  ): Promise<void> {
    const updates = await instances[randomInt(instances.length)]!.watch(ACCOUNT, cursor).catch((error: unknown) => {
      // The machine is too busy. The follower retries, as any client would.
      if (!(error instanceof UnavailableError)) throw error;
      counts.unavailable += 1;
      return null;
    });
    if (!updates) return visit(limit, end, hasAll);
    const since = performance.now();
    void end.then(() => updates.return!());
    let latest: string | null = null;
    for (let left = limit; left > 0 && !hasAll(latest); left -= 1) {
      const read = await updates.next();
      if (read.done) break;
      take(read.value, since);
      latest = read.value.job.id;
      if (slowUntil) await ledger.until(ledger.changes() + randomInt(5));
    }
    await updates.return!();
  }

  while (!ended) {
    await visit(randomInt(1, 400), allWritten, () => false);
    counts.resumes += 1;
    await ledger.until(ledger.changes() + randomInt(Math.min(MAX_ABSENCE, Math.ceil(changes / 20))));
  }
  await slowUntil;
  const missing = new Set(ledger.jobIds.filter(isMissing));
  await visit(Infinity, givenUp, (id) => {
    if (id !== null && !isMissing(id)) missing.delete(id);
    return missing.size === 0;
  });
  counts.missed += missing.size;
}
