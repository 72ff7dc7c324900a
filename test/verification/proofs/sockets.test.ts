/** The proof of `npm run prove:sockets` with one round, on the built program. */
import { expect, test } from 'vitest';
import { proveSockets } from '../../../verification/proofs/sockets/sockets.ts';

test(
  'hostile sockets, several at once, end as they should beside a healthy watcher, and leave nothing',
  { timeout: 120_000 },
  async () => {
    const { figures, violations } = await proveSockets({ seed: 'test', size: 1, log: () => undefined });
    expect(violations).toEqual([]);
    expect(figures).toMatchObject({ connectionsLeft: 0, rounds: 1 });
  },
);
