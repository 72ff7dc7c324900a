import { setTimeout } from 'node:timers/promises';
import { calmUpstream, createLoad, pauseGate, violationsOf } from './load.ts';
import type { PlantedBug } from './planted-bug.ts';

const LOAD_MS = 1_500;

export const selectThenInsert: PlantedBug = {
  name: 'select-then-insert',
  bug: 'checks whether a key was used and then inserts, without a unique index',
  edits: [
    {
      file: 'migrations/0000_jobs.sql',
      find: 'CREATE UNIQUE INDEX "jobs_idempotency_key"',
      replace: 'CREATE INDEX "jobs_idempotency_key"',
    },
    {
      file: 'src/db/jobs/job-writer.ts',
      find: 'const inserted = await db.insert(jobs).values(toRow(job)).onConflictDoNothing().returning({ id: jobs.id });',
      replace: `const used = await db.select({ id: jobs.id }).from(jobs).where(and(eq(jobs.accountId, accountId), eq(jobs.idempotencyKey, job.idempotencyKey ?? '')));
      if (used[0]) return null;
      const inserted = await db.insert(jobs).values(toRow(job)).returning({ id: jobs.id });`,
    },
  ],
  async scenario(bench) {
    const harness = await bench.startHarness({
      gateways: 2,
      settings: { PLAYGROUND: 'off' },
      upstream: calmUpstream(bench, 60),
    });
    await pauseGate(harness);
    // Every client sends its key twice at once, to randomly chosen gateways.
    const load = createLoad(bench, harness, { raced: 1 });
    const ending = new AbortController();
    const running = load.run(4, ending.signal);
    await setTimeout(LOAD_MS);
    ending.abort();
    await running;
    return violationsOf(harness, load, ['twoJobs']);
  },
};
