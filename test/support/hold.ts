/** A table that nobody can read for a while. */
import pg from 'pg';
import { expect, onTestFinished } from 'vitest';
import { asAdministrator } from './database.ts';

/** Locks the table; `waits` resolves when somebody waits for it. */
export async function holdQueries(databaseUrl: string, table: string): Promise<{ waits(): Promise<void>; release(): Promise<void> }> {
  const holder = new pg.Client({ connectionString: databaseUrl });
  await holder.connect();
  onTestFinished(() => holder.end());
  await holder.query(`begin; lock table ${table} in access exclusive mode`);
  return {
    waits: () => expect.poll(() => asAdministrator(`select 1 from pg_locks where not granted and relation = '${table}'::regclass`, databaseUrl)).not.toEqual([]),
    release: async () => void (await holder.query('commit')),
  };
}
