import { setTimeout } from 'node:timers/promises';
import { calmUpstream, createLoad, until } from './load.ts';
import type { PlantedBug } from './planted-bug.ts';

const JOBS = 20;
const TASK_SECONDS = 1;
/** Callbacks arrive until then: 0 to 5 for each task, identical or different, some for jobs that have already ended. */
const CALLBACKS_MS = 3_500;
/** Queued, submitting, processing, and the final state. */
const VERSIONS = 4;

export const guardWithoutRank: PlantedBug = {
  name: 'guard-without-rank',
  bug: 'writes a state without comparing its rank with that of the current state',
  edits: [
    { file: 'src/db/jobs/job-writer.ts', find: "lt(jobs.rank, placeholder('rank')),", replace: '' },
    // The same guard as a pure function, which decides before the statement is sent.
    { file: 'src/jobs/model/job.ts', find: 'job.rank < move.rank &&', replace: '' },
  ],
  async scenario(bench) {
    const harness = await bench.startHarness({
      gateways: 1,
      settings: {
        POLL_FIRST_SECONDS: '0.3',
        POLL_INTERVAL_SECONDS: '0.3',
        UPSTREAM_SUBMITS_PER_SECOND: '200',
        UPSTREAM_MAX_IN_FLIGHT: '100',
        PLAYGROUND: 'off',
      },
      upstream: calmUpstream(bench, TASK_SECONDS),
    });
    const load = createLoad(bench, harness);
    await Promise.all(Array.from({ length: JOBS }, (_, number) => load.submit(number)));
    await until(
      'all jobs end',
      async () => (await harness.database.query('select from jobs where completed_at is not null')).length === JOBS,
    );
    await setTimeout(CALLBACKS_MS);
    const changed = await harness.database.query<{ version: number }>(
      `select version from jobs where version > ${VERSIONS} order by version desc`,
    );
    const twice = await harness.database.query(
      `select job_id from job_events where type = 'CALLBACK' and verdict = 'APPLIED' group by job_id having count(*) > 1`,
    );
    return [
      ...(changed[0]
        ? [
            `${changed.length} of ${JOBS} jobs reported changes that did not occur: ${VERSIONS} states had ${changed[0].version} versions`,
          ]
        : []),
      ...(twice.length > 0 ? [`${twice.length} of ${JOBS} jobs were settled by more than one callback`] : []),
    ];
  },
};
