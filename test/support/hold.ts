/** A lock that keeps a table from being read for a while. */
import pg from 'pg';
import { expect } from 'vitest';
import { asAdministrator } from './database.ts';
import { onEnd } from './on-end.ts';

/** Locks the table; `waits` resolves once at least `count` statements wait for the lock, by default one. */
export async function holdQueries(
  databaseUrl: string,
  table: string,
): Promise<{ waits(count?: number): Promise<void>; release(): Promise<void> }> {
  const holder = new pg.Client({ connectionString: databaseUrl });
  await holder.connect();
  onEnd(() => holder.end());
  await holder.query(`begin; lock table ${table} in access exclusive mode`);
  return {
    waits: (count = 1) =>
      expect
        .poll(
          async () =>
            (
              await asAdministrator(
                `select 1 from pg_locks where not granted and relation = '${table}'::regclass`,
                databaseUrl,
              )
            ).length,
        )
        .toBeGreaterThanOrEqual(count),
    release: async () => void (await holder.query('commit')),
  };
}
