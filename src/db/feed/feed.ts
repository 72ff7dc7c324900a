/**
 * The feed over LISTEN/NOTIFY: one connection per instance, which announces and receives changes. A connection that
 * ends with an error is replaced immediately. One that is lost silently (a proxy drops it) is detected within 12 s, by
 * a heartbeat or an unanswered announcement. After each reconnect, `onGap` tells the watchers to read again. It is
 * called only once LISTEN is in effect, so that no change is missed in between.
 */
import type { Feed } from '../../jobs/ports/feed.ts';
import { createAnnouncer, type Announcer } from './announcer.ts';
import { SessionClient } from '../connection/session.ts';

export const FEED_CHANNEL = 'job_changed';

const HEARTBEAT_MS = 8_000;
const ANSWER_LIMIT_MS = 4_000;
const LOCK_LIMIT_MS = 3_000;
const RECONNECT_MS = [100, 250, 500, 1_000, 2_000];
/** The time limit for remaining announcements at a stop. */
const LAST_WORDS_MS = 1_000;

export interface RunningFeed extends Feed {
  /**
   * Announces a change to all instances, including this one. If the connection is down, the announcement follows as
   * soon as it is back.
   */
  readonly announce: Announcer['announce'];
  /** True while LISTEN is in effect. */
  isListening(): boolean;
  /** Announces the remaining changes within a second, and closes the connection. */
  stop(): Promise<void>;
}

interface Subscriber {
  readonly listener: (jobId: string, version: number, accountId: string) => void;
  readonly onGap: () => void;
}

/** Starts listening. Resolves when LISTEN is in effect for the first time, and rejects if that fails. */
export async function startFeed(url: string, log: (message: string) => void): Promise<RunningFeed> {
  const subscribers = new Set<Subscriber>();
  const announcer = createAnnouncer(FEED_CHANNEL, log);
  let client: SessionClient | null = null;
  let failures = 0;
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;

  const connect = async (): Promise<void> => {
    const next = new SessionClient({
      connectionString: url,
      connectionTimeoutMillis: ANSWER_LIMIT_MS,
      query_timeout: ANSWER_LIMIT_MS,
      keepAlive: true,
      session: {
        applicationName: 'motion-gateway feed',
        statementTimeoutMs: 0,
        // Another NOTIFY may hold the server's only notification lock. The connection is healthy then, and is kept.
        lockTimeoutMs: LOCK_LIMIT_MS,
        // The session writes nothing that could be lost, and a wake-up must not wait for the disk.
        durable: false,
      },
    });
    const lose = (reason: string) => {
      if (client !== next) return;
      client = null;
      clearTimeout(timer);
      next.discard();
      if (stopped) return;
      log(`the feed lost its connection: ${reason}`);
      reconnect();
      failures += 1;
    };
    next.on('error', (error) => lose(error.message));
    next.on('end', () => lose('closed'));
    next.on('notification', ({ payload = '' }) => {
      const [jobId = '', version = '0', ...account] = payload.split(' ');
      for (const { listener } of subscribers) listener(jobId, Number(version), account.join(' '));
    });
    try {
      await next.connect();
      await next.query(`listen ${FEED_CHANNEL}`);
    } catch (error) {
      next.discard();
      throw error;
    }
    if (stopped) return next.discard();
    client = next;
    const alive = (): void => {
      failures = 0;
      beat();
    };
    const beat = (): void => {
      if (client !== next || stopped) return;
      timer = setTimeout(
        () => void next.query('select 1').then(alive, (error: Error) => lose(error.message)),
        HEARTBEAT_MS,
      );
    };
    beat();
    announcer.announceOver(next, (error) => lose(error.message));
  };

  const reconnect = (): void => {
    if (stopped) return;
    const delayMs = RECONNECT_MS[Math.min(failures, RECONNECT_MS.length - 1)];
    timer = setTimeout(() => {
      connect().then(
        () => {
          log('the feed is listening again');
          for (const { onGap } of subscribers) onGap();
        },
        () => {
          failures += 1;
          reconnect();
        },
      );
    }, delayMs);
  };

  await connect();
  return {
    subscribe(listener, onGap) {
      const subscriber = { listener, onGap };
      subscribers.add(subscriber);
      return () => void subscribers.delete(subscriber);
    },
    announce: announcer.announce,
    isListening: () => client !== null,
    async stop() {
      stopped = true;
      clearTimeout(timer);
      const last = client;
      if (!last) return;
      await announcer.untilAnnounced(LAST_WORDS_MS);
      last.discard();
    },
  };
}
