import { calmUpstream, comesTrue, createLoad, readLedger, until, violationsOf } from './load.ts';
import type { PlantedBug } from './planted-bug.ts';

/** Long enough for the second submit, which must not occur: leases are checked every second. */
const TASK_SECONDS = 4;
/** A callback arrives up to 3 s after the end of the task, or is repeated from 5 s after it. */
const END_LIMIT_MS = 9_000;

export const resendAfterCrash: PlantedBug = {
  name: 'resend-after-crash',
  bug: 'requeues a job whose submitter has died',
  edits: [
    {
      file: 'src/jobs/reconcile/reconcile.ts',
      find: 'moves.doubt(job.attempt)',
      replace: 'moves.requeue(job.attempt, job.leaseToken!)',
    },
  ],
  async scenario(bench) {
    const harness = await bench.startHarness({
      gateways: 2,
      settings: { UPSTREAM_SUBMITS_PER_SECOND: '100', PLAYGROUND: 'off' },
      upstream: calmUpstream(bench, TASK_SECONDS),
    });
    // The gateway that submits is killed when the upstream has read the whole submit and has not answered.
    let isHeld = false;
    harness.upstream.onMessage((message) => {
      if (message.kind !== 'held') return;
      for (const gateway of harness.gateways) {
        if (gateway.name === message.gateway) void gateway.kill().then(() => (isHeld = true));
        else harness.upstream.send({ kind: 'holdNone', gateway: gateway.name });
      }
    });
    for (const { name } of harness.gateways) harness.upstream.send({ kind: 'holdNext', gateway: name });
    const load = createLoad(bench, harness);
    await load.submit(1);
    await until('a gateway dies in the middle of its submit', () => isHeld);
    await harness.database.query(
      `update jobs set lease_expires_at = now() - interval '1 second' where state = 'SUBMITTING'`,
    );
    const arrived = (): number => readLedger(harness).filter(({ kind }) => kind === 'received').length;
    const hasEnded = async (): Promise<boolean> =>
      (await harness.database.query(`select from jobs where completed_at is not null`)).length > 0;
    await comesTrue(async () => arrived() > 1 || (await hasEnded()), END_LIMIT_MS);
    return violationsOf(harness, load, ['sentAgain', 'twoTasks', 'wrongEnd']);
  },
};
