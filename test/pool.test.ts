/** The pool under a crowd. */
import { inject, expect, onTestFinished, test } from 'vitest';
import { PatientPool } from '../src/db/pool.ts';

test('outlives a crowd that has given up waiting, and serves whoever comes after it', async () => {
  const pool = new PatientPool({ connectionString: inject('serverUrl'), max: 1 }, { waitMs: 1_000, handshakeMs: 5_000 });
  onTestFinished(() => pool.end());
  const held = await pool.connect();
  const crowd = await Promise.allSettled(Array.from({ length: 20_000 }, () => pool.connect()));
  expect(crowd.filter(({ status }) => status === 'fulfilled')).toEqual([]);
  held.release();
  await expect.poll(async () => (await pool.query<{ one: number }>('select 1 as one').catch(() => null))?.rows).toEqual([{ one: 1 }]);
  await expect.poll(() => pool.waitingCount).toBe(0);
});
