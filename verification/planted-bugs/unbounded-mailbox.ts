import pg from 'pg';
import type { Harness } from '../harness/harness.ts';
import { calmUpstream, comesTrue, createLoad, pauseGate, until } from './load.ts';
import { subscribe } from './subscription.ts';
import type { PlantedBug } from './planted-bug.ts';

const VERSIONS = 6_000;
/**
 * Makes each state large, because the kernels on both sides buffer some megabytes before the gateway has to wait for
 * the reader.
 */
const STATE = Array.from({ length: 50 }, (_, index) => `p${index}: prompt`).join(' ');
const WATCH = `subscription ($id: ID!) { job: jobUpdated(id: $id) { version ${STATE} } }`;
const MAX_STATES = 300;
const READ_LIMIT_MS = 6_000;

export const unboundedMailbox: PlantedBug = {
  name: 'unbounded-mailbox',
  bug: 'buffers every state for a reader instead of only the newest',
  edits: [
    {
      file: 'src/concurrency/mailbox.ts',
      find: 'unread.set(key, value);',
      replace: 'unread.set(crypto.randomUUID(), value);',
    },
  ],
  async scenario(bench) {
    const harness = await bench.startHarness({
      gateways: 1,
      settings: { MAX_ALIASES: '100', MAX_FIELD_REPEATS: '100', PLAYGROUND: 'off' },
      upstream: calmUpstream(bench, 60),
    });
    await pauseGate(harness);
    const load = createLoad(bench, harness);
    await load.submit(1);
    const [jobId] = load.acknowledged();
    if (jobId === undefined) throw new Error('the job was not accepted');
    await harness.database.query(`update jobs set prompt = repeat('x', 2500)`);

    const versions: number[] = [];
    const reader = await subscribe<{ job: { version: number } }>(
      harness.gateways[0]!,
      harness.apiKey,
      { query: WATCH, variables: { id: jobId } },
      ({ job }) => void versions.push(job.version),
    );
    await until('the watch begins', () => versions.length > 0);
    reader.pause();
    await change(harness, jobId);
    reader.resume();
    const last = VERSIONS + 1;
    const hasLast = await comesTrue(() => versions.at(-1) === last || versions.length > MAX_STATES, READ_LIMIT_MS);
    const count = versions.length;
    reader.close();
    return [
      ...(count > MAX_STATES ? [`more than ${MAX_STATES} states were queued for a reader that did not read`] : []),
      ...(!hasLast ? [`the last state received was ${versions.at(-1)} of ${last}`] : []),
    ];
  },
};

/** Writes each version in its own transaction, with short pauses in which the gateway reads them. */
async function change({ database }: Harness, jobId: string): Promise<void> {
  const client = new pg.Client({ connectionString: database.url, options: '-c synchronous_commit=off' });
  await client.connect();
  try {
    await client.query(`do $$ begin
      for i in 1..${VERSIONS} loop
        update jobs set version = version + 1, changed_xid = pg_current_xact_id() where id = '${jobId}';
        perform pg_notify('job_changed', id || ' ' || version || ' ' || account_id) from jobs where id = '${jobId}';
        commit;
        if i % 4 = 0 then perform pg_sleep(0.001); end if;
      end loop;
    end $$`);
  } finally {
    await client.end();
  }
}
