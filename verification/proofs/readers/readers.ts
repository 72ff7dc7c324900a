/**
 * Readers that stop reading, one for every ten healthy ones. They are closed with 1013, and the healthy ones are not
 * affected.
 */
import { runReaders, violationsOf, type ReaderPlan } from './reader-run.ts';
import { withDatabase } from '../../harness/own-database.ts';
import type { Proof, ProofOptions } from '../proof.ts';

const STALLED_SHARE = 0.1;

const planOf = (healthy: number): ReaderPlan => ({
  healthy,
  stalled: Math.ceil(STALLED_SHARE * healthy),
  healthyJobs: { count: 20, changesPerSecond: 10 },
  // 225 kB for each reader, 1.6 times a second: the kernel's 4 MB are full after 12 s, half the time until the second
  // ping.
  stalledJobs: { count: 10, changesPerSecond: 16 },
  normalSeconds: 15,
  limitSeconds: 30,
  noiseMs: 0,
  settings: {},
});

/** `size` is the number of healthy readers. */
export function proveReaders({ size, dist }: ProofOptions): Promise<Proof> {
  const plan = planOf(size);
  return withDatabase(async ({ url }, folder) => {
    const figures = await runReaders(url, folder, plan, dist);
    return { figures: { stalled: plan.stalled, ...figures }, violations: violationsOf(figures, plan) };
  });
}
