import { noFaults } from '../harness/upstream/plan.ts';
import { comesTrue, createLoad, readLedger, until, violationsOf } from './load.ts';
import type { PlantedBug } from './planted-bug.ts';

/** Includes a pause of the gate and the probe that ends it. */
const RETRY_LIMIT_MS = 5_000;

export const retryAfterTimeOut: PlantedBug = {
  name: 'retry-after-time-out',
  bug: 'requeues a job whose submit has timed out',
  edits: [
    {
      file: 'src/jobs/submit/record-answer.ts',
      find: 'moves.doubt(job.attempt)',
      replace: '/time-?out/i.test(end.reason) ? moves.requeue(job.attempt, job.leaseToken!) : moves.doubt(job.attempt)',
    },
  ],
  async scenario(bench) {
    // The upstream reads every submit and answers none.
    const rates = { ...noFaults, submits: { ...noFaults.submits, none: 0, hang: 1 } };
    const harness = await bench.startHarness({
      gateways: 1,
      settings: { SUBMIT_TIMEOUT_SECONDS: '1', UPSTREAM_SUBMITS_PER_SECOND: '100', PLAYGROUND: 'off' },
      upstream: { seed: bench.seed, rates, taskSeconds: [60, 60], listing: false },
    });
    const load = createLoad(bench, harness);
    await load.submit(1);
    const arrived = (): number => readLedger(harness).filter(({ kind }) => kind === 'received').length;
    await until('the upstream hears of the job', () => arrived() > 0);
    await until(
      'the submit times out',
      async () => (await harness.database.query(`select from job_events where type = 'ATTEMPT_ENDED'`)).length > 0,
    );
    await comesTrue(() => arrived() > 1, RETRY_LIMIT_MS);
    return violationsOf(harness, load, ['sentAgain', 'twoTasks']);
  },
};
