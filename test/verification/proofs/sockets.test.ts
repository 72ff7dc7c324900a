/** Runs `npm run prove:sockets` with one round, on the built program. */
import { expect, test } from 'vitest';
import { proveSockets } from '../../../verification/proofs/sockets/sockets.ts';

test(
  'concurrent hostile sockets end as specified next to a healthy watcher, and leave nothing behind',
  { timeout: 120_000 },
  async () => {
    const { figures, violations } = await proveSockets({ seed: 'test', size: 1, log: () => undefined });
    expect(violations).toEqual([]);
    expect(figures).toMatchObject({ connectionsLeft: 0, rounds: 1 });
  },
);
