/**
 * Overload: a load generator sends more than the gateway can serve, while callbacks arrive at a steady rate. The excess
 * is refused quickly, the callbacks keep their pace, no accepted job is lost, memory stays bounded, and latency is
 * normal again soon after the load has ended.
 *
 * The load generator runs on the same cores as the gateway and its database, which slows down callbacks whatever the
 * gateway does. Callbacks are therefore measured three times: alone, under load, and beside a process that uses as much
 * CPU time as the load generator did but sends nothing. All three results are reported. The limit is twice the worse of
 * the two results without load.
 */
import { fork, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import {
  arrivals,
  callBack,
  prepareJobs,
  startCallers,
  type Callers,
  type Sent,
} from '../../harness/clients/callers.ts';
import type { Answered, LoadOrder, LoadResult } from './load-process.ts';
import { send } from '../../harness/graphql-client.ts';
import { giveKey } from '../../harness/ordinary-key.ts';
import { peakMb, resetPeak } from '../../harness/process-figures.ts';
import { programOf } from '../../harness/program.ts';
import { createRandom, type Random } from '../../harness/random.ts';
import { startHarness, type Harness } from '../../harness/harness.ts';
import { noFaults } from '../../harness/upstream/plan.ts';
import { countOf, secondsSince, spreadOf, type Proof, type ProofOptions } from '../proof.ts';

const SECRET = 'the-secret-of-the-proof-of-overload';
const CALLBACKS_PER_SECOND = 30;
const ACCOUNTS = 10;
const READABLE_JOBS = 100;
const WARM_UP_SECONDS = 5;
const WARM_UP_PER_SECOND = 30;
const RECOVERY_SECONDS = 10;
/** The last part of the recovery, in which latency must be normal. */
const NORMAL_SECONDS = 3;
const PROBE_MS = 50;
/** A latency below this always counts as good. */
const GOOD_MS = 25;
const MAX_REFUSAL_MS = 1_000;
const MAX_GROWTH_MB = 256;
/** The percentage of admitted operations that may end without an answer in time. */
const MAX_FAILED_PERCENT = 1;

export interface OverloadOptions extends ProofOptions {
  /** The rates of the load, in requests per second. Each rate is one run, in this order. */
  readonly rates: readonly number[];
  /** Settings that override the gateway's defaults. */
  readonly settings?: Readonly<Record<string, string>>;
  /**
   * The maximum ratio of the p99 of callbacks under load to that without load. Null on a machine with other work, where
   * times are not judged.
   */
  readonly maxRatio: number | null;
}

interface Run {
  readonly perSecond: number;
  readonly answers: readonly Answered[];
  readonly callbacks: {
    readonly alone: readonly Sent[];
    readonly underLoad: readonly Sent[];
    readonly besideNeighbor: readonly Sent[];
  };
  /** Latencies of reads before the load, and in the last seconds of the recovery; null for a read that was refused. */
  readonly reads: { readonly before: readonly (number | null)[]; readonly after: readonly (number | null)[] };
  readonly loadCpu: number;
  readonly growthMb: number;
}

/** `size` is the duration of each load in seconds. */
export async function proveOverload({
  seed,
  size,
  dist,
  log,
  rates,
  settings = {},
  maxRatio,
}: OverloadOptions): Promise<Proof> {
  const from = Date.now();
  const harness = await startHarness({
    gateways: 1,
    ...(dist !== undefined && { dist }),
    settings: { APP_SECRET: SECRET, PLAYGROUND: 'off', JOB_DEADLINE_SECONDS: '86400', ...settings },
    upstream: { seed, rates: noFaults, taskSeconds: [1, 1], listing: false },
    breakable: false,
    log,
  });
  const [gateway] = harness.gateways;
  let crashes = 0;
  gateway!.onOwnEnd(() => (crashes += 1));
  const callers = startCallers([gateway!.url], SECRET);
  const load = fork(await programOf('verification/proofs/overload/load-process.ts'), { execArgv: [] });
  const violations: string[] = [];
  try {
    const random = createRandom(`${seed}:overload`);
    const apiKeys = await giveKeys(harness);
    const jobIds = await prepareJobs(harness, READABLE_JOBS, 'reader 0');
    const play = {
      harness,
      callers,
      load,
      random,
      apiKeys,
      jobIds,
      recoverySeconds: maxRatio === null ? 0 : RECOVERY_SECONDS,
    };
    const before = await warmUp(play);
    const runs: Run[] = [];
    for (const perSecond of rates) {
      runs.push(await runOnce(play, perSecond, size));
      log(`${perSecond} a second: ${JSON.stringify(figuresOf(runs.at(-1)!))}; ${secondsSince(from)} s`);
    }
    if (crashes > 0) violations.push(`the gateway ended ${crashes} times`);
    for (const run of runs) {
      const found = [...violationsOf(run), ...(maxRatio === null ? [] : slownessOf(run, maxRatio))];
      violations.push(...found.map((text) => `${run.perSecond} a second: ${text}`));
    }
    if (!runs.at(-1)!.answers.some(isRefusal)) violations.push('nothing was refused, so there was no overload');
    violations.push(...(await lossesOf(harness, [...before, ...runs.flatMap(({ answers }) => answers)])));
    const figures = Object.fromEntries(runs.map((run) => [`${run.perSecond}/s`, figuresOf(run)]));
    return { figures: { ...figures, crashes, seconds: secondsSince(from) }, violations };
  } finally {
    load.disconnect();
    await callers.stop();
    await harness.stop(violations.length > 0);
  }
}

interface Play {
  readonly harness: Harness;
  readonly callers: Callers;
  readonly load: ChildProcess;
  readonly random: Random;
  readonly apiKeys: readonly string[];
  readonly jobIds: readonly string[];
  readonly recoverySeconds: number;
}

async function runOnce(play: Play, perSecond: number, seconds: number): Promise<Run> {
  const { harness, load, apiKeys, jobIds, random, recoverySeconds } = play;
  const { url, pid } = harness.gateways[0]!;
  const [alone, before] = await Promise.all([
    sendCallbacks(play, seconds),
    probeReads(play, recoverySeconds === 0 ? 0 : seconds),
  ]);
  const normalMb = resetPeak(pid()!);
  const order: LoadOrder = { url, apiKeys, perSecond, seconds, jobIds, seed: Math.floor(1_000 * random.next()) };
  const loadFrom = performance.now();
  load.send(order);
  const [[{ answers, cpuMs }], underLoad] = await Promise.all([
    once(load, 'message') as Promise<[LoadResult]>,
    sendCallbacks(play, seconds),
  ]);
  const loadCpu = cpuMs / (performance.now() - loadFrom);
  const growthMb = peakMb(pid()!) - normalMb;
  await setTimeout(1_000 * Math.max(0, recoverySeconds - NORMAL_SECONDS));
  const after = await probeReads(play, Math.min(NORMAL_SECONDS, recoverySeconds));
  const stopNeighbor = startNeighbor(loadCpu);
  const besideNeighbor = await sendCallbacks(play, seconds).finally(stopNeighbor);
  return {
    perSecond,
    answers,
    callbacks: { alone, underLoad, besideNeighbor },
    reads: { before, after },
    loadCpu,
    growthMb,
  };
}

/**
 * Sends ordinary traffic of every kind, so that the load meets an instance in service, not one whose code has never
 * run.
 */
async function warmUp(play: Play): Promise<readonly Answered[]> {
  const { harness, load, apiKeys, jobIds, random } = play;
  const order: LoadOrder = {
    url: harness.gateways[0]!.url,
    apiKeys,
    perSecond: WARM_UP_PER_SECOND,
    seconds: WARM_UP_SECONDS,
    jobIds,
    seed: Math.floor(1_000 * random.next()),
  };
  load.send(order);
  const [[{ answers }]] = await Promise.all([
    once(load, 'message') as Promise<[LoadResult]>,
    sendCallbacks(play, WARM_UP_SECONDS),
  ]);
  return answers;
}

async function sendCallbacks({ harness, callers, random }: Play, seconds: number): Promise<Sent[]> {
  const times = arrivals(random, CALLBACKS_PER_SECOND, seconds);
  return callBack(callers, await prepareJobs(harness, times.length, 'measured'), times, () => undefined);
}

/** Sends one read after another. */
async function probeReads({ harness, apiKeys, jobIds }: Play, seconds: number): Promise<(number | null)[]> {
  const latencies: (number | null)[] = [];
  for (const until = performance.now() + 1_000 * seconds; performance.now() < until; await setTimeout(PROBE_MS)) {
    const from = performance.now();
    const reply = await send(harness.gateways[0]!.url, apiKeys[0]!, {
      query: 'query ($id: ID!) { motionJob(id: $id) { id } }',
      variables: { id: jobIds[0] },
    });
    const isServed = reply.kind === 'answered' && reply.answer.errors === undefined;
    latencies.push(isServed ? performance.now() - from : null);
  }
  return latencies;
}

/** Keeps one core busy for `share` of the time. */
function startNeighbor(share: number): () => void {
  const [busyMs, idleMs] = [10 * Math.min(1, share), 10 * Math.max(0, 1 - share)];
  const spin = `for (const until = performance.now() + ${busyMs}; performance.now() < until;);`;
  const program = `const turn = () => { ${spin} setTimeout(turn, ${idleMs}); }; turn();`;
  const neighbor = spawn(process.execPath, ['-e', program], { stdio: 'ignore' });
  return () => void neighbor.kill('SIGKILL');
}

async function giveKeys({ database }: Harness): Promise<string[]> {
  const names = Array.from({ length: ACCOUNTS }, (_, index) => `reader ${index}`);
  await database.query(
    `insert into accounts (id, name, status) values ${names.map((name) => `('${name}', 'An account', 'ACTIVE')`).join(', ')}`,
  );
  const keys: string[] = [];
  for (const name of names) keys.push(await giveKey(database.url, name));
  return keys;
}

const isRefusal = ({ outcome }: Answered): boolean => /^(429|503|503 SERVICE_UNAVAILABLE)$/.test(outcome);
const isServed = ({ outcome }: Answered): boolean => outcome === '200' || outcome === '101';

const latenciesOf = (answers: readonly Answered[]): number[] => answers.map(({ ms }) => ms);
const p99Of = (sent: readonly Sent[]): number => spreadOf(sent.map(({ latencyMs }) => latencyMs)).p99;

function figuresOf({ answers, callbacks, reads, loadCpu, growthMb }: Run): Readonly<Record<string, unknown>> {
  const served = reads.after.filter((ms) => ms !== null);
  return {
    outcomes: countOf(answers.map(({ kind, outcome }) => `${kind} ${outcome}`)),
    servedMs: spreadOf(latenciesOf(answers.filter(isServed))),
    refusedMs: spreadOf(latenciesOf(answers.filter(isRefusal))),
    callbacksMs: Object.fromEntries(
      Object.entries(callbacks).map(([name, sent]) => [name, spreadOf(sent.map(({ latencyMs }) => latencyMs))]),
    ),
    readsMs: { before: spreadOf(reads.before.filter((ms) => ms !== null)), after: spreadOf(served) },
    coresOfLoad: Math.round(100 * loadCpu) / 100,
    growthMb: Math.round(growthMb),
  };
}

/** Returns violations of the rules that hold however fast or slow the machine is. */
function violationsOf({ answers, callbacks, growthMb }: Run): string[] {
  const violations: string[] = [];
  for (const [name, sent] of Object.entries(callbacks)) {
    const refused = sent.filter(({ status }) => status !== '200');
    if (refused.length > 0)
      violations.push(`${name}: callbacks were answered ${JSON.stringify(countOf(sent.map(({ status }) => status)))}`);
  }
  const silent = answers.filter((answer) => isRefusal(answer) && !/^\d+$/.test(answer.retryAfter ?? ''));
  if (silent.length > 0) violations.push(`${silent.length} refusals have no Retry-After`);
  const wrong = answers.filter(({ outcome }) => /^5/.test(outcome) && !/^503\b/.test(outcome));
  if (wrong.length > 0) violations.push(`answered ${JSON.stringify(countOf(wrong.map(({ outcome }) => outcome)))}`);
  if (growthMb > MAX_GROWTH_MB) violations.push(`memory grew by ${Math.round(growthMb)} MB`);
  return violations;
}

/** Returns violations of the rules that depend on the speed of the machine. */
function slownessOf(
  { answers, callbacks: { alone, underLoad, besideNeighbor }, reads }: Run,
  maxRatio: number,
): string[] {
  const violations: string[] = [];
  const normalMs = Math.max(p99Of(alone), p99Of(besideNeighbor), GOOD_MS);
  const loadedMs = p99Of(underLoad);
  if (loadedMs > maxRatio * normalMs)
    violations.push(
      `p99 of callbacks ${loadedMs} ms, ${p99Of(alone)} ms alone, ${p99Of(besideNeighbor)} ms next to a busy process`,
    );
  const failed = answers.filter((answer) => !isRefusal(answer) && !isServed(answer));
  const admitted = answers.filter((answer) => !isRefusal(answer)).length;
  const outcomes = JSON.stringify(countOf(failed.map(({ outcome }) => outcome)));
  if (100 * failed.length > MAX_FAILED_PERCENT * admitted)
    violations.push(`${failed.length} of ${admitted} that were admitted were not served: ${outcomes}`);
  const refusedMs = spreadOf(latenciesOf(answers.filter(isRefusal)));
  if (refusedMs.p99 > MAX_REFUSAL_MS) violations.push(`refusals took ${refusedMs.p99} ms at their p99`);
  const [before, after] = [reads.before, reads.after].map((all) => spreadOf(all.filter((ms) => ms !== null)).p90) as [
    number,
    number,
  ];
  if (reads.after.includes(null)) violations.push('reads are still refused when the load has ended');
  if (after > Math.max(maxRatio * before, GOOD_MS))
    violations.push(`p90 of reads ${after} ms after the load, ${before} ms before it`);
  return violations;
}

/** Checks that every job whose acceptance was answered exists, and that no refused job does. */
async function lossesOf({ database }: Harness, answers: readonly Answered[]): Promise<string[]> {
  const accepted = answers.flatMap(({ jobId }) => jobId ?? []);
  const rows = await database.query<{
    id: string;
  }>(`select id from jobs where account_id like 'reader %' and input_hash <> 'v1:'
    and state in ('QUEUED', 'SUBMITTING', 'UNCONFIRMED', 'PROCESSING', 'SUCCEEDED')`);
  const there = new Set(rows.map(({ id }) => id));
  const lost = accepted.filter((id) => !there.has(id));
  const unsure = answers.filter(
    (answer) => answer.kind.toLowerCase().includes('submit') && !isServed(answer) && !isRefusal(answer),
  );
  const violations: string[] = [];
  if (lost.length > 0) violations.push(`${lost.length} of ${accepted.length} accepted jobs are lost`);
  if (there.size > accepted.length + unsure.length) {
    violations.push(
      `${there.size} jobs were stored, ${accepted.length} were accepted, and the outcome of ${unsure.length} submits is unknown`,
    );
  }
  return violations;
}
