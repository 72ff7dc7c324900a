import { describe, expect, test } from 'vitest';
import { estimate } from '../../../src/jobs/read/queue-outlook.ts';
import { asAdministrator } from '../../support/database.ts';
import { startFakeUpstream, successOf } from '../../support/fake-upstream.ts';
import { startGateway } from '../../support/gateway.ts';

const upstreamLimits = { maxInFlight: 5, submitsPerSecond: 1 };
const duration = { mode: 'STD', medianMs: 100_000, p95Ms: 300_000 } as const;
const now = 1_000_000_000;
const known = { position: null, duration, isShut: false, upstreamLimits, now };
const since = (ms: number) => new Date(now - ms);

describe('the estimate', () => {
  test.each<[string, Parameters<typeof estimate>[0], Partial<Parameters<typeof estimate>[1]>, number | null]>([
    [
      'of the next job adds the interval between submits to the usual duration',
      { state: 'QUEUED', attemptedAt: null },
      { position: 1 },
      now + 1_000 + 100_000,
    ],
    [
      'of the eleventh job adds two rounds of slots',
      { state: 'QUEUED', attemptedAt: null },
      { position: 11 },
      now + 200_000 + 100_000,
    ],
    ['is null far back in the queue', { state: 'QUEUED', attemptedAt: null }, { position: 1_000 }, null],
    ['is null while the gate is shut', { state: 'QUEUED', attemptedAt: null }, { position: 1, isShut: true }, null],
    [
      'of a running task counts from its attempt',
      { state: 'PROCESSING', attemptedAt: since(40_000) },
      {},
      now + 60_000,
    ],
    [
      'of a task that exceeds the median is the time by which 19 of 20 are done',
      { state: 'PROCESSING', attemptedAt: since(150_000) },
      {},
      now + 150_000,
    ],
    ['of a task that exceeds that time is null', { state: 'PROCESSING', attemptedAt: since(400_000) }, {}, null],
    ['of a job that has ended is null', { state: 'SUCCEEDED', attemptedAt: since(1) }, {}, null],
  ])('%s', (_name, job, more, expected) => {
    expect(estimate(job, { ...known, ...more })).toBe(expected);
  });
});

const OUTLOOKS = 'query { motionJobs(first: 100) { nodes { id state queuePosition estimatedCompletionAt } } }';
type Outlooks = {
  motionJobs: {
    nodes: { id: string; state: string; queuePosition: number | null; estimatedCompletionAt: string | null }[];
  };
};

test('a list shows the queue position of every queued job, and an estimate as soon as there is history', async () => {
  const upstream = await startFakeUpstream();
  const { client, databaseUrl } = await startGateway({ ...upstream.settings, UPSTREAM_MAX_IN_FLIGHT: '1' });
  const done = await client.generate();
  (await upstream.nextSubmit()).answer(200, successOf('a'));
  await client.untilEnd(done.id);
  const running = await client.generate();
  const submit = await upstream.nextSubmit();
  const queued = [await client.generate(), await client.generate(), await client.generate()];

  const askedAt = Date.now();
  const { nodes } = (await client.request<Outlooks>(OUTLOOKS)).data.motionJobs;
  const positions = new Map(nodes.map(({ id, queuePosition }) => [id, queuePosition]));
  expect(queued.map(({ id }) => positions.get(id))).toEqual([1, 2, 3]);
  expect([positions.get(running.id), positions.get(done.id)]).toEqual([null, null]);
  const estimates = nodes
    .filter(({ state }) => state === 'QUEUED')
    .map(({ estimatedCompletionAt }) => Date.parse(estimatedCompletionAt!));
  expect(estimates).toEqual([...estimates].sort((a, b) => b - a));
  expect(Math.min(...estimates)).toBeGreaterThan(askedAt - 1_000);

  // Positions beyond 1,000 are not counted.
  await asAdministrator(
    `insert into jobs (id, account_id, upstream_id, sandbox, image_url, video_url, mode, character_orientation, keep_original_sound, watermark, labels, input_hash, tag)
     select gen_random_uuid(), 'many', upstream_id, sandbox, image_url, video_url, mode, character_orientation, keep_original_sound, watermark, labels, input_hash, 0
     from (select * from jobs limit 1) as one, generate_series(1, 1500)`,
    databaseUrl,
  );
  const last = (await client.request<Outlooks>(OUTLOOKS)).data.motionJobs.nodes.find(({ id }) => id === queued[2]!.id);
  expect(last).toMatchObject({ queuePosition: 1000, estimatedCompletionAt: null });
  submit.answer(200, successOf('b'));
});
