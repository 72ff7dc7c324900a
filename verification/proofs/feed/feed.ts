/** The account feed: every follower of an account receives the newest version of every job, and is not delayed. */
import { proveFeed } from './followers.ts';
import { withDatabase } from '../../harness/own-database.ts';
import type { Proof, ProofOptions } from '../proof.ts';

const MAX_LAG_MS = 1_000;

/** `size` is the number of committed changes. */
export function proveFeedAlone({ size }: ProofOptions): Promise<Proof> {
  return withDatabase(async ({ url }) => {
    const figures = await proveFeed(url, size);
    const violations: string[] = [];
    if (figures.missed > 0) violations.push(`${figures.missed} newest versions were missed`);
    if (figures.lagMaxMs > MAX_LAG_MS)
      violations.push(
        `a change was delivered ${figures.lagMaxMs} ms after its commit, and the limit is ${MAX_LAG_MS} ms`,
      );
    return { figures: { ...figures }, violations };
  });
}
