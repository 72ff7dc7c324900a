import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import { createRandom } from '../harness/random.ts';
import type { Harness } from '../harness/harness.ts';
import { calmUpstream, comesTrue, createLoad, multiplyJob, pauseGate } from './load.ts';
import { subscribe } from './subscription.ts';
import type { PlantedBug } from './planted-bug.ts';

const JOBS = 200;
const WRITERS = 16;
const CHANGES = 25;
const MAX_OPEN_MS = 120;
/** Changes of the account are read after each notification, and the whole account every 20 s. */
const CATCH_UP_MS = 4_000;

export const newerThanLast: PlantedBug = {
  name: 'newer-than-last',
  bug: 'reads the changes of an account after the newest one seen, and ignores transactions in progress',
  edits: [
    {
      file: 'src/db/jobs/changes.ts',
      find: "inProgress: inProgress === '' ? [] : inProgress.split(',').map(BigInt)",
      replace: 'inProgress: []',
    },
  ],
  async scenario(bench) {
    const harness = await bench.startHarness({
      gateways: 1,
      settings: { PLAYGROUND: 'off' },
      upstream: calmUpstream(bench, 60),
    });
    await pauseGate(harness);
    await createLoad(bench, harness).submit(1);
    await multiplyJob(harness, JOBS);
    const jobs = await harness.database.query<{ id: string }>('select id from jobs');
    if (jobs.length !== JOBS) throw new Error(`there are ${jobs.length} jobs`);

    const versions = new Map<string, number>();
    const follow = { query: FOLLOW, variables: { after: await findCursor(harness) } };
    const follower = await subscribe<{ update: { job: { id: string; version: number } } }>(
      harness.gateways[0]!,
      harness.apiKey,
      follow,
      ({ update: { job } }) => void versions.set(job.id, Math.max(job.version, versions.get(job.id) ?? 0)),
    );
    await Promise.all(
      Array.from({ length: WRITERS }, (_, writer) =>
        write(
          harness,
          `${bench.seed}:writer:${writer}`,
          jobs.map(({ id }) => id),
        ),
      ),
    );
    const rows = await harness.database.query<{ id: string; version: number }>(
      'select id, version from jobs where version > 1',
    );
    const missed = (): number => rows.filter(({ id, version }) => (versions.get(id) ?? 1) < version).length;
    await comesTrue(() => missed() === 0, CATCH_UP_MS);
    follower.close();
    return missed() > 0
      ? [`a watcher of the account did not receive the newest state of ${missed()} of ${rows.length} jobs`]
      : [];
  },
};

const FOLLOW = 'subscription ($after: String) { update: jobsUpdated(after: $after) { job { id version } } }';

async function findCursor(harness: Harness): Promise<string> {
  const reply = await harness.send<{ motionJobs: { updatesCursor: string } }>(harness.gateways[0]!, {
    query: '{ motionJobs(first: 1) { updatesCursor } }',
  });
  if (reply.kind !== 'answered' || !reply.answer.data) throw new Error('the list was not answered');
  return reply.answer.data.motionJobs.updatesCursor;
}

/**
 * Writes as the store's `amend` does, in transactions that stay open for a while and end in a different order than they
 * began.
 */
async function write({ database }: Harness, seed: string, jobIds: readonly string[]): Promise<void> {
  const random = createRandom(seed);
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  try {
    for (let left = CHANGES; left > 0; left -= 1) {
      await client.query('begin');
      await client.query(
        `with changed as (update jobs set version = version + 1, changed_xid = pg_current_xact_id() where id = $1 returning id, version, account_id)
         select pg_notify('job_changed', concat_ws(' ', id, version, account_id)) from changed`,
        [random.pick(jobIds)],
      );
      await setTimeout(random.between(0, MAX_OPEN_MS));
      await client.query('commit');
    }
  } finally {
    await client.end();
  }
}
