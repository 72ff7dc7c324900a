/**
 * Valid callbacks during an attack by thousands of forged callbacks and by deliberately slow connections. No forged
 * callback is accepted or leaves a trace, and valid ones are answered about as fast as without an attack.
 */
import {
  arrivals,
  callBack,
  onTime,
  prepareJobs,
  startCallers,
  type Callers,
  type Sent,
} from '../../harness/clients/callers.ts';
import { createForger } from './forgeries.ts';
import { attackSlowly, hasSlowHttpTest, slowModes, type SlowMode } from './slow-http.ts';
import { createRandom, type Random } from '../../harness/random.ts';
import { startHarness, type Harness } from '../../harness/harness.ts';
import { encodeSuccess } from '../../../src/upstream/acedata/wire/result.ts';
import { noFaults } from '../../harness/upstream/plan.ts';
import { videoOf } from '../../harness/upstream/task.ts';
import { countOf, secondsSince, spreadOf, type Proof, type ProofOptions } from '../proof.ts';

const SECRET = 'the-secret-of-the-proof-of-the-siege';
const VALID_PER_SECOND = 60;
const FORGED_PER_SECOND = 500;
/** The share of additional callbacks with one wrong bit, relative to the forged ones. */
const SPOILED_SHARE = 0.1;
/** Jobs that only the forged callbacks refer to. */
const VICTIMS = 500;
const WARM_UP_SECONDS = 3;
const SLICE_SECONDS = 5;
/** A p99 below this always counts as good: on a busy machine, one late timer takes longer. */
const GOOD_MS = 25;

export interface SiegeOptions extends ProofOptions {
  /** The number of concurrent slow connections, and the duration of each kind of attack. */
  readonly slow: { readonly connections: number; readonly seconds: number };
  /**
   * The maximum ratio of the p99 of valid callbacks under attack to that without an attack. Null on a machine with
   * other work, where times are not judged.
   */
  readonly maxRatio: number | null;
}

/** `size` is the number of forged callbacks. */
export async function proveSiege({ seed, size, dist, log, slow, maxRatio }: SiegeOptions): Promise<Proof> {
  const from = Date.now();
  const harness = await startHarness({
    gateways: 1,
    ...(dist !== undefined && { dist }),
    settings: { APP_SECRET: SECRET, PLAYGROUND: 'off', JOB_DEADLINE_SECONDS: '86400' },
    upstream: { seed, rates: noFaults, taskSeconds: [1, 1], listing: false },
    breakable: false,
    log,
  });
  const violations: string[] = [];
  const [gateway] = harness.gateways;
  const callers = startCallers([gateway!.url], SECRET);
  try {
    const random = createRandom(`${seed}:siege`);
    const victims = await prepareJobs(harness, VICTIMS, 'victim');
    const forged: string[] = [];
    let unheard = 0;
    const valid = async (during: number): Promise<Sent[]> => {
      const sent = await sendValid(harness, callers, random, during);
      unheard += measured(sent).refused;
      return sent;
    };

    await valid(WARM_UP_SECONDS);
    const attacks: Record<string, Attack> = { forged: await inSlices(size) };
    log(`forged callbacks: ${told(attacks.forged!)}; ${secondsSince(from)} s`);
    for (const mode of hasSlowHttpTest() ? (Object.keys(slowModes) as SlowMode[]) : []) {
      const before = await valid(slow.seconds / 2);
      const [connections, beside] = await Promise.all([
        attackSlowly(`${gateway!.url}/graphql`, gateway!.pid()!, mode, slow.connections, slow.seconds),
        valid(slow.seconds),
      ]);
      attacks[`slow ${mode}`] = {
        normal: measured([...before, ...(await valid(slow.seconds / 2))]),
        beside: measured(beside),
        connections,
      };
      log(`slow ${mode}: ${told(attacks[`slow ${mode}`]!)}; ${secondsSince(from)} s`);
    }

    for (const [name, { normal, beside, connections }] of Object.entries(attacks)) {
      if (maxRatio !== null && beside.ms.p99 > Math.max(maxRatio * normal.ms.p99, GOOD_MS))
        violations.push(`beside ${name}: p99 ${beside.ms.p99} ms, and without an attack ${normal.ms.p99} ms`);
      if (normal.refused + beside.refused > 0)
        violations.push(
          `beside ${name}: ${beside.refused} valid callbacks were refused, and ${normal.refused} without an attack`,
        );
      // A client that its headers do not authenticate is answered before its body arrives, so slow bodies hold few
      // connections.
      if (typeof connections === 'number' && name !== 'slow bodies' && connections < slow.connections / 2)
        violations.push(`beside ${name}: only ${connections} connections at a time`);
    }
    if (maxRatio !== null && !hasSlowHttpTest())
      violations.push('slowhttptest is not installed, so there were no slow connections');
    const answers = countOf(forged);
    if ((answers['404'] ?? 0) !== forged.length)
      violations.push(`forged callbacks were answered ${JSON.stringify(answers)}`);
    violations.push(...(await tracesOf(harness, unheard)));
    return {
      figures: {
        ...attacks,
        forgedAnswers: answers,
        slowHttpTest: hasSlowHttpTest() ? 'used' : 'not installed',
        seconds: secondsSince(from),
      },
      violations,
    };

    /** Alternates between slices with and without the attack, so that other work on the machine affects both. */
    async function inSlices(count: number): Promise<Attack> {
      const [without, beside]: [Sent[], Sent[]] = [[], []];
      for (let left = (1 + SPOILED_SHARE) * count; left > 0; left = (1 + SPOILED_SHARE) * count - forged.length) {
        const seconds = Math.min(SLICE_SECONDS, 1 + left / FORGED_PER_SECOND);
        without.push(...(await valid(seconds)));
        const [statuses, sent] = await Promise.all([
          sendForged(callers, random, victims, arrivals(random, FORGED_PER_SECOND, seconds)),
          valid(seconds),
        ]);
        forged.push(...statuses);
        beside.push(...sent);
      }
      return { normal: measured(without), beside: measured(beside) };
    }
  } finally {
    await callers.stop();
    await harness.stop(violations.length > 0);
  }
}

interface Measured {
  readonly callbacks: number;
  readonly refused: number;
  readonly ms: ReturnType<typeof spreadOf>;
}

interface Attack {
  readonly normal: Measured;
  readonly beside: Measured;
  readonly connections?: number | null;
}

const told = ({ normal, beside }: Attack): string => `p99 ${beside.ms.p99} ms, and without ${normal.ms.p99} ms`;

const measured = (sent: readonly Sent[]): Measured => ({
  callbacks: sent.length,
  refused: sent.filter(({ status }) => status !== '200').length,
  ms: spreadOf(sent.map(({ latencyMs }) => latencyMs)),
});

async function sendValid(harness: Harness, callers: Callers, random: Random, seconds: number): Promise<Sent[]> {
  const times = arrivals(random, VALID_PER_SECOND, seconds);
  return callBack(callers, await prepareJobs(harness, times.length, 'measured'), times, () => undefined);
}

/** Resolves with the statuses. */
async function sendForged(
  callers: Callers,
  random: Random,
  victims: readonly string[],
  times: readonly number[],
): Promise<string[]> {
  const forger = createForger(random, callers.pathOf, victims);
  const statuses: string[] = [];
  await onTime(times, async (index) => {
    const taskId = random.pick(victims);
    const path = index % Math.round(1 / SPOILED_SHARE + 1) === 0 ? forger.spoil(taskId) : forger.forge(taskId);
    const task = { taskId, traceId: taskId };
    statuses.push(await callers.post(index, path, encodeSuccess(task, videoOf(task))));
  });
  return statuses;
}

/**
 * Checks that the forged callbacks have left no traces, and that the valid ones that were received had their effect.
 */
async function tracesOf(harness: Harness, unheard: number): Promise<string[]> {
  const [found] = await harness.database.query<{
    victims: number;
    callbacks: number;
    events: number;
    open: number;
  }>(`select
    (select count(*)::int from jobs where account_id = 'victim' and (state <> 'PROCESSING' or version <> 1)) as victims,
    (select count(*)::int from callbacks c join jobs j on j.id = c.job_id where j.account_id = 'victim') as callbacks,
    (select count(*)::int from job_events e join jobs j on j.id = e.job_id where j.account_id = 'victim') as events,
    (select count(*)::int from jobs where account_id = 'measured' and state <> 'SUCCEEDED') as open`);
  const { victims, callbacks, events, open } = found!;
  const violations: string[] = [];
  if (victims > 0) violations.push(`${victims} jobs were changed by forged callbacks`);
  if (callbacks > 0 || events > 0)
    violations.push(`${callbacks} forged callbacks were kept, ${events} are in a timeline`);
  if (open > unheard)
    violations.push(`${open} jobs did not end by their valid callback, and only ${unheard} callbacks were refused`);
  return violations;
}
