/**
 * Announcing changes over the feed's connection, after their commits. NOTIFY inside the transactions would make all
 * commits of the server come one after the other, each with its own wait for the disk: PostgreSQL holds a lock from
 * before such a commit until it is on disk. So changes are announced by statements of their own, which write nothing,
 * and each takes along all that has come up meanwhile.
 */
import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import type { Job } from '../../jobs/model/job.ts';
import { isUnavailable } from '../connection/unavailable.ts';

type Changed = Pick<Job, 'id' | 'version' | 'accountId'>;

export interface Announcer {
  /** To be called when the change is committed. */
  announce(changed: Changed): void;
  /**
   * Announces by this connection from now on, first of all what an earlier one has left. `onLost` hears when it does
   * not answer.
   */
  announceOver(client: pg.Client, onLost: (error: Error) => void): void;
  /** Resolves when nothing is left to announce, or can be; at the latest after `limitMs`. */
  untilAnnounced(limitMs: number): Promise<void>;
}

/**
 * Jobs whose last change may wait while the connection is away. The oldest go: what is watched is read again anyway.
 */
const MAX_WAITING = 10_000;
const BATCH = 500;
const RETRY_MS = 1_000;
/** Of notifications, as some listener does not read his. */
const QUEUE_FULL = '54000';

export function createAnnouncer(channel: string, log: (message: string) => void): Announcer {
  /** The newest change of each job, until the server has answered that it is announced. */
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
          // The next connection may be here already.
          if (way?.client === client) way = null;
          onLost(error as Error);
          continue;
        }
        log(`changes could not be announced: ${error.message}`);
        // It cannot at the moment, for instance for want of room on its disk; or it does not take them, and that costs
        // time only.
        if (isUnavailable(error) || error.code === QUEUE_FULL) await setTimeout(RETRY_MS);
        else forget(batch);
      }
    }
    // In the same breath as the last look at what waits.
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
