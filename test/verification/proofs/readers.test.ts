import { expect, test } from 'vitest';
import {
  runReaders,
  violationsOf,
  type ReaderFigures,
  type ReaderPlan,
} from '../../../verification/proofs/readers/reader-run.ts';
import { createDatabase } from '../../support/database.ts';
import { createFolder } from '../../support/folder.ts';

/** A hundredth of `npm run prove:readers`, with lower limits and with more tolerance for a busy machine. */
const plan: ReaderPlan = {
  healthy: 20,
  stalled: 2,
  healthyJobs: { count: 4, changesPerSecond: 20 },
  stalledJobs: { count: 1, changesPerSecond: 20 },
  normalSeconds: 1.5,
  limitSeconds: 20,
  noiseMs: 1_000,
  settings: { MAX_UNSENT_SECONDS: '1', SOCKET_PING_SECONDS: '60' },
};

test(
  'readers that stop reading are closed with 1013, and healthy readers on the same gateway are not affected',
  { timeout: 180_000 },
  async () => {
    const figures = await runReaders(await createDatabase(), await createFolder(), plan);
    expect(violationsOf(figures, plan)).toEqual([]);
    expect(figures).toMatchObject({ closed: { UNSENT: 2 }, healthyOpen: 20 });
  },
);

test('each broken promise of the run is reported as one violation', () => {
  const latency = { updates: 100, p50Ms: 10, p99Ms: 20, maxMs: 30 };
  const good: ReaderFigures = {
    closed: { UNSENT: 2 },
    firstClosedAfterSeconds: 2,
    lastClosedAfterSeconds: 3,
    cutOff: 0,
    normal: { ...latency, p99Ms: 600 },
    whileStalled: { ...latency, p99Ms: 1_200 },
    rssNormalMb: 100,
    rssPeakMb: 166,
    healthyOpen: 20,
    healthyBehind: 0,
  };
  expect(violationsOf(good, plan)).toEqual([]);
  const broken: Partial<ReaderFigures>[] = [
    { lastClosedAfterSeconds: Infinity },
    { lastClosedAfterSeconds: NaN },
    { cutOff: 1 },
    { normal: { ...good.normal, updates: 0 } },
    { whileStalled: { ...latency, p99Ms: 1_201 } },
    { rssPeakMb: 167 },
    { healthyOpen: 19 },
    { healthyBehind: 1 },
  ];
  for (const change of broken)
    expect(violationsOf({ ...good, ...change }, plan), JSON.stringify(change)).toHaveLength(1);
});
