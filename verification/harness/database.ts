/** Runs a real PostgreSQL server for a proof. The server can be killed, and restarts by itself on the same port. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import { startEmbeddedServer } from '../../src/db/embedded/server.ts';
import { findChildProcesses } from './child-processes.ts';

export interface HarnessDatabase {
  readonly url: string;
  /** Sends SIGKILL to the postmaster. Its children exit by themselves, and the server is restarted within seconds. */
  kill(): Promise<void>;
  /** Sends SIGKILL to the postmaster and all its children at the same moment, as if the machine ran out of memory. */
  killAll(): Promise<void>;
  /** Resolves when the server answers. Rejects after `limitMs`. */
  untilUp(limitMs: number): Promise<void>;
  /** Runs one statement over its own connection. */
  query<Row extends pg.QueryResultRow>(text: string): Promise<Row[]>;
  stop(): Promise<void>;
}

const RETRY_MS = 100;
/** Generous, so that a short load peak on the machine does not abort a proof that has run for an hour. */
const CONNECT_MS = 30_000;
const STATEMENT_MS = 60_000;

/** Every user must be able to enter `folder`, because PostgreSQL runs as another user if root starts it. */
export async function startDatabase(folder: string, log: (message: string) => void): Promise<HarnessDatabase> {
  const server = await startEmbeddedServer({ dataDir: folder, log: (_level, message) => log(message) });

  async function query<Row extends pg.QueryResultRow>(text: string): Promise<Row[]> {
    const client = new pg.Client({
      connectionString: server.url,
      connectionTimeoutMillis: CONNECT_MS,
      query_timeout: STATEMENT_MS,
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return (await client.query<Row>(text)).rows;
    } finally {
      await client.end().catch(() => undefined);
    }
  }

  const postmaster = async (): Promise<number> =>
    Number((await readFile(join(server.dataDir, 'data/postmaster.pid'), 'utf8')).split('\n')[0]);

  return {
    url: server.url,
    async kill() {
      process.kill(await postmaster(), 'SIGKILL');
    },
    async killAll() {
      const parent = await postmaster();
      // The postmaster must not start children while they are listed.
      process.kill(parent, 'SIGSTOP');
      for (const pid of [...findChildProcesses(parent), parent]) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
        }
      }
    },
    async untilUp(limitMs) {
      for (const until = Date.now() + limitMs; ; await setTimeout(RETRY_MS)) {
        try {
          return void (await query('select 1'));
        } catch (error) {
          if (Date.now() > until) throw error;
        }
      }
    },
    query,
    stop: () => server.stop(),
  };
}
