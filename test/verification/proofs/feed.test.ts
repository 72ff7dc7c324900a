/** Runs `npm run prove:feed` at a hundredth of its size. */
import { expect, test } from 'vitest';
import { proveFeed } from '../../../verification/proofs/feed/followers.ts';
import type { ChangeReader } from '../../../src/jobs/ports/changes.ts';
import { createDatabase } from '../../support/database.ts';

test(
  'watchers that connect and disconnect while 16 writers change jobs miss no change',
  { timeout: 180_000 },
  async () => {
    const figures = await proveFeed(await createDatabase(), 1_000);
    expect(figures.missed).toBe(0);
    expect(figures.changes).toBeGreaterThanOrEqual(1_000);
    expect(figures.resumes).toBeGreaterThan(0);
  },
);

test(
  'the proof detects a reader that relies on the highest transaction that it has seen',
  { timeout: 180_000 },
  async () => {
    const spoil = (reader: ChangeReader): ChangeReader => ({
      findMoment: reader.findMoment,
      listChanges: (accountId, { xmax }, ...rest) => reader.listChanges(accountId, { xmax, inProgress: [] }, ...rest),
    });
    expect((await proveFeed(await createDatabase(), 1_000, { spoil, patienceMs: 1_000 })).missed).toBeGreaterThan(0);
  },
);
