/** Runs `npm run prove:hangups` at a hundredth of its size, on the built program. */
import { expect, test } from 'vitest';
import { proveHangups } from '../../../verification/proofs/hangups/hangups.ts';

test(
  'requests that are cut off or held for too long create one job each while gateways are killed; an answered request that is repeated creates another',
  { timeout: 240_000 },
  async () => {
    const { figures, violations } = await proveHangups({ seed: 'test', size: 10, log: () => undefined });
    expect(violations).toEqual([]);
    expect(figures).toMatchObject({ requests: 11, twice: 1, jobs: 13, kills: 2 });
    // A gateway that is killed between an intent and the first byte has sent nothing.
    expect(figures.submits).toBeGreaterThanOrEqual(11);
  },
);
