/** Leases and deadlines follow the database's clock. In these tests, the clock of this machine is off by a day. */
import { expect, onTestFinished, test, vi } from 'vitest';
import { startCore } from '../support/core.ts';

const DAY_MS = 86_400_000;
/** The submit timeout of this core plus 15 s. */
const LEASE_SECONDS = 75;

test.each([DAY_MS, -DAY_MS])(
  'leases and deadlines are correct when the local clock is off by %i ms',
  async (wrongMs) => {
    const { accept, dispatcher, reconcile, find, sql } = await startCore();
    const ids = [await accept(), await accept()];
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + wrongMs });
    onTestFinished(() => void vi.useRealTimers());
    const claimed = await dispatcher.claimNext();
    if (claimed.kind !== 'job') throw new Error(claimed.kind);
    const [lease] = await sql(
      `select extract(epoch from lease_expires_at - now())::float8 as seconds from jobs where state = 'SUBMITTING'`,
    );
    expect(lease!.seconds).toBeGreaterThan(LEASE_SECONDS - 15);
    expect(lease!.seconds).toBeLessThanOrEqual(LEASE_SECONDS);
    await reconcile();
    expect(await Promise.all(ids.map(async (id) => (await find(id))!.state))).toEqual(['SUBMITTING', 'QUEUED']);
    expect(await sql('select next_submit_at <= now() as open from gates')).toEqual([{ open: true }]);
  },
);
