/**
 * Two bugs that acknowledge writes before they are durable, and one scenario: clients submit, the whole database
 * crashes, and every acknowledged job must still exist.
 */
import { prepareCrash } from './kill-database.ts';
import { calmUpstream, createLoad, pauseGate, until, violationsOf } from './load.ts';
import type { Bench, PlantedBug } from './planted-bug.ts';

const ROUNDS = 3;

interface Plan {
  /** The number of jobs that are submitted at once, and the number of answers after which the database crashes. */
  readonly jobs: number;
  readonly crashAfter: number;
  readonly prepare: readonly string[];
}

/**
 * Deferred triggers run in COMMIT. This one makes COMMIT take long enough for a client to receive its answer first.
 */
const slowCommit = [
  'create function be_slow() returns trigger language plpgsql as $$ begin perform pg_sleep(0.7); return null; end $$',
  'create constraint trigger slow after insert on jobs deferrable initially deferred for each row execute function be_slow()',
];

async function submitAndCrash(bench: Bench, { jobs, crashAfter, prepare }: Plan): Promise<readonly string[]> {
  const harness = await bench.startHarness({
    gateways: 1,
    settings: { PLAYGROUND: 'off' },
    upstream: calmUpstream(bench, 60),
  });
  await pauseGate(harness);
  for (const statement of prepare) await harness.database.query(statement);
  const load = createLoad(bench, harness);
  for (let round = 1; ; round += 1) {
    const crash = await prepareCrash(harness.database);
    let answered = 0;
    const submit = async (_: unknown, index: number): Promise<void> => {
      await load.submit(round * jobs + index);
      // Crashes at the moment when the client has its answer.
      if (++answered === crashAfter) crash.now();
    };
    await Promise.all(Array.from({ length: jobs }, submit));
    await crash.untilBack();
    if (load.acknowledged().length < round * crashAfter) throw new Error('jobs were not acknowledged');
    const violations = await violationsOf(harness, load, ['lost', 'twoJobs']);
    if (violations.length > 0 || round === ROUNDS) return violations;
    await until('the gateway is back', async () => (await fetch(`${harness.gateways[0]!.url}/readyz`)).status === 200);
  }
}

export const acknowledgeBeforeCommit: PlantedBug = {
  name: 'acknowledge-before-commit',
  bug: 'answers when COMMIT is sent, without waiting for its result',
  edits: [
    {
      file: 'src/db/connection/transaction.ts',
      find: `    const { command } = await client.query('commit').catch((error: unknown) => {
      for (const { act, alsoInDoubt } of acts)
        if (alsoInDoubt) [0, LATE_COMMIT_MS].forEach((ms) => setTimeout(act, ms).unref());
      throw new CommitUnknownError(error);
    });
`,
      replace: `    client.query('commit').catch(() => undefined);
    const command = 'COMMIT';
`,
    },
  ],
  scenario: (bench) => submitAndCrash(bench, { jobs: 2, crashAfter: 1, prepare: slowCommit }),
};

export const asynchronousCommit: PlantedBug = {
  name: 'asynchronous-commit',
  bug: 'connects with `synchronous_commit=off`',
  edits: [
    {
      file: 'src/db/connection/client.ts',
      find: "session: { applicationName: 'motion-gateway',",
      replace: "session: { durable: false, applicationName: 'motion-gateway',",
    },
  ],
  scenario: (bench) => submitAndCrash(bench, { jobs: 12, crashAfter: 4, prepare: [] }),
};
