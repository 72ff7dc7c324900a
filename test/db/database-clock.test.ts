/** Leases and deadlines go by the database's clock: this machine's own is a day wrong here. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { startCore } from '../support/core.ts';

const DAY_MS = 86_400_000;
/** The time-out of a submit in this core, and 15 s. */
const LEASE_SECONDS = 75;

test.each([DAY_MS, -DAY_MS])('by %i ms', async (wrongMs) => {
  const { accept, dispatcher, reconcile, find, sql } = await startCore();
  const ids = [await accept(), await accept()];
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + wrongMs });
  onTestFinished(() => void vi.useRealTimers());
  const taken = await dispatcher.take();
  if (taken.kind !== 'job') throw new Error(taken.kind);
  const [lease] = await sql(
    `select extract(epoch from lease_expires_at - now())::float8 as seconds from jobs where state = 'SUBMITTING'`,
  );
  expect(lease!.seconds).toBeGreaterThan(LEASE_SECONDS - 15);
  expect(lease!.seconds).toBeLessThanOrEqual(LEASE_SECONDS);
  await reconcile();
  expect(await Promise.all(ids.map(async (id) => (await find(id))!.state))).toEqual(['SUBMITTING', 'QUEUED']);
  expect(await sql('select next_submit_at <= now() as open from gates')).toEqual([{ open: true }]);
});
