import { watchToEnd } from '../harness/clients/watcher.ts';
import { createRandom } from '../harness/random.ts';
import { calmUpstream, comesTrue, createLoad, pauseGate, until } from './load.ts';
import type { PlantedBug } from './planted-bug.ts';

/**
 * The heartbeat 8 s after the start is not answered for 4 s. The feed then opens a new LISTEN connection, and
 * everything is read again. Without the heartbeat, watched jobs are read again 20 s after the start. Another instance
 * makes the change: the watching instance would announce its own change over the same connection, and thereby detect
 * the failure.
 */
const HEARD_AFTER_MS = 14_000;
const SILENT_WITHIN_MS = 6_000;

export const noHeartbeat: PlantedBug = {
  name: 'no-heartbeat',
  bug: 'sends no heartbeat on its LISTEN connection',
  edits: [{ file: 'src/db/feed/feed.ts', find: '    beat();\n    announcer.', replace: '    announcer.' }],
  async scenario(bench) {
    const harness = await bench.startHarness({
      gateways: 2,
      settings: { PLAYGROUND: 'off' },
      upstream: calmUpstream(bench, 60),
    });
    const from = Date.now();
    await pauseGate(harness);
    const load = createLoad(bench, harness);
    await load.submit(1);
    const [jobId] = load.acknowledged();
    if (jobId === undefined) throw new Error('the job was not accepted');
    const seen = (state: string): boolean =>
      load.records().some((record) => record.op === 'watch' && record.type === 'saw' && record.seen.state === state);

    const ending = new AbortController();
    const [gateway, other] = [harness.gateways[0]!, harness.gateways[1]!];
    const watching = watchToEnd({
      jobId,
      afterVersion: 0,
      client: 'watcher',
      harness,
      journal: load.journal,
      random: createRandom(bench.seed),
      pickGateway: () => gateway,
      signal: ending.signal,
    });
    try {
      await until('the watch begins', () => seen('QUEUED'));
      const silenced = harness.databaseProxies[0]!.silenceOpen((opening) => opening.includes('motion-gateway feed'));
      if (silenced !== 1) throw new Error(`${silenced} feeds were silenced`);
      await harness.send(other, {
        query: 'mutation ($id: ID!) { cancelMotionJob(input: { id: $id }) { job { state } } }',
        variables: { id: jobId },
      });
      const [row] = await harness.database.query<{ state: string }>('select state from jobs');
      if (row?.state !== 'CANCELED') throw new Error(`the job is ${row?.state ?? 'gone'}`);
      const changedMs = Date.now() - from;
      if (changedMs > SILENT_WITHIN_MS)
        throw new Error('the connection was silenced too late to tell what its heartbeat does');
      const waitMs = HEARD_AFTER_MS - changedMs;
      return (await comesTrue(() => seen('CANCELED'), waitMs))
        ? []
        : [`a watcher did not receive a change within ${Math.round(waitMs / 1_000)} s`];
    } finally {
      ending.abort();
      await watching;
    }
  },
};
