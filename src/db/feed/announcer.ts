/**
 * Announces changes over the feed's connection after they have committed. NOTIFY inside the transactions would
 * serialize all commits of the server, each with its own wait for the disk: PostgreSQL holds a lock from before such a
 * commit until it is on disk. Changes are therefore announced by separate statements, which write nothing. Each
 * statement announces all changes that have accumulated in the meantime.
 */
import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import type { Job } from '../../jobs/model/job.ts';
import { isUnavailable } from '../connection/unavailable.ts';

type Changed = Pick<Job, 'id' | 'version' | 'accountId'>;

export interface Announcer {
  /** Must be called once the change has committed. */
  announce(changed: Changed): void;
  /**
   * Announces over this connection from now on, starting with the changes that an earlier connection did not announce.
   * Calls `onLost` if the connection does not answer.
   */
  announceOver(client: pg.Client, onLost: (error: Error) => void): void;
  /** Resolves when nothing is left to announce or no connection is available, and after `limitMs` at the latest. */
  untilAnnounced(limitMs: number): Promise<void>;
}

/**
 * The maximum number of jobs whose last change waits while the connection is down. Beyond it, the oldest changes are
 * evicted, because watched jobs are read again anyway.
 */
const MAX_WAITING = 10_000;
const BATCH = 500;
const RETRY_MS = 1_000;
/** SQLSTATE of a full notification queue, which means that a listener does not read its notifications. */
const QUEUE_FULL = '54000';

export function createAnnouncer(channel: string, log: (message: string) => void): Announcer {
  /** The newest change of each job, until the server has confirmed its announcement. */
  const waiting = new Map<string, Changed>();
  let way: { readonly client: pg.Client; readonly onLost: (error: Error) => void } | null = null;
  let announcing: Promise<void> | null = null;

  function forget(changes: readonly Changed[]): void {
    for (const changed of changes) if (waiting.get(changed.id) === changed) waiting.delete(changed.id);
  }

  async function announceAll(): Promise<void> {
    while (way && waiting.size > 0) {
      const { client, onLost } = way;
      const batch = [...waiting.values()].slice(0, BATCH);
      try {
        await client.query({
          name: 'announce',
          text: 'select pg_notify($1, change) from unnest($2::text[]) change',
          values: [channel, batch.map(({ id, version, accountId }) => `${id} ${version} ${accountId}`)],
        });
        forget(batch);
      } catch (error) {
        if (!(error instanceof pg.DatabaseError)) {
          // The next connection may already be in use.
          if (way?.client === client) way = null;
          onLost(error as Error);
          continue;
        }
        log(`changes could not be announced: ${error.message}`);
        // Retries if the server cannot announce at the moment, for example because its disk is full. Drops a batch that
        // the server rejects, which only delays watchers.
        if (isUnavailable(error) || error.code === QUEUE_FULL) await setTimeout(RETRY_MS);
        else forget(batch);
      }
    }
    // Runs synchronously after the last check for waiting changes.
    announcing = null;
  }

  function announceDue(): void {
    if (way && waiting.size > 0) announcing ??= announceAll();
  }

  return {
    announce({ id, version, accountId }) {
      if ((waiting.get(id)?.version ?? 0) > version) return;
      waiting.delete(id);
      waiting.set(id, { id, version, accountId });
      if (waiting.size > MAX_WAITING) waiting.delete(waiting.keys().next().value!);
      announceDue();
    },
    announceOver(client, onLost) {
      way = { client, onLost };
      announceDue();
    },
    async untilAnnounced(limitMs) {
      const late = new AbortController();
      await Promise.race([announcing, setTimeout(limitMs, undefined, { signal: late.signal }).catch(() => undefined)]);
      late.abort();
    },
  };
}
