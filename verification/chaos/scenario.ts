/** One run: load and nemesis at once, then time for everything to end, then the check. */
import { setMaxListeners } from 'node:events';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout } from 'node:timers/promises';
import { check, type Violation, type ViolationKind } from './checker/check.ts';
import type { Evidence } from './checker/evidence.ts';
import { figuresOf, type Figures } from './checker/figures.ts';
import { gatherEvidence } from './checker/gather.ts';
import { createClient, usualRates } from '../harness/clients/client.ts';
import type { ClientRecord } from '../harness/clients/records.ts';
import { openJournal } from '../harness/journal.ts';
import { createRandom } from '../harness/random.ts';
import { startStage } from '../harness/harness.ts';
import { rates, settingsOf, SUBMIT_TIMEOUT_SECONDS, TASK_SECONDS, type Mode } from './modes.ts';
import { createNemesis, type Injected } from './nemesis.ts';
import { startListening } from './listening.ts';

export interface ScenarioOptions {
  readonly seed: string;
  readonly mode: Mode;
  /** The built program; by default the project's own. */
  readonly dist?: string;
  /** Over the run's own settings of the gateways. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Whether the gateways find tasks by listing. */
  readonly listing: boolean;
  readonly log: (message: string) => void;
  /** Ends the run early. */
  readonly signal?: AbortSignal;
}

export interface ScenarioResult {
  readonly evidence: Evidence;
  readonly violations: readonly Violation[];
  /** What went wrong beside the promises. */
  readonly failures: readonly string[];
  readonly figures: Figures;
  readonly injected: Injected;
  readonly seconds: { readonly start: number; readonly load: number; readonly settle: number };
  /** Logs and ledger; removed when nothing went wrong. */
  readonly folder: string;
}

/** What time may still cure. */
const curable: ReadonlySet<ViolationKind> = new Set([
  'open',
  'orphan',
  'wrongEnd',
  'wrongResult',
  'watchUnfinished',
  'watchWrong',
  'wentBack',
  'webhookLost',
]);

/**
 * A submitter that died leaves its job's lease for so long; a poller, its poll; a missed wake-up costs at most the
 * re-read.
 */
const LEASE_MARGIN_SECONDS = 15;
const POLL_LEASE_SECONDS = 30;
const SETTLE_MARGIN_SECONDS = 30;
/** Late callbacks come until then. */
const MIN_SETTLE_MS = 8_000;
const SETTLE_CHECK_MS = 2_000;
const LOG_EVERY_MS = 10_000;
/** Jobs whose clients are busy with them; usually they are some dozens. */
const MAX_RUNS = 200;
/** The nemesis may need longer than the jobs: load goes on for it, up to so many times the planned time. */
const MAX_LOAD_FACTOR = 4;
/** More jobs than this that failed without having reached the upstream, and the run has shown nothing. */
const MAX_NEVER_ARRIVED = 0.1;

export async function runChaos({
  seed,
  mode,
  dist,
  settings = {},
  listing,
  log,
  signal,
}: ScenarioOptions): Promise<ScenarioResult> {
  const from = Date.now();
  const stage = await startStage({
    gateways: mode.gateways,
    ...(dist !== undefined && { dist }),
    settings: { ...settingsOf(mode), ...(listing && { LISTING_LOOKUP: 'on' }), ...settings },
    upstream: { seed, rates, taskSeconds: TASK_SECONDS, listing },
    log,
  });
  let keepFolder = true;
  const listening = await startListening(stage, createRandom(`${seed}:receiver`));
  try {
    const loadedFrom = Date.now();
    const clientsFile = join(stage.folder, 'clients.jsonl');
    const journal = openJournal<ClientRecord>(clientsFile);
    const nemesis = createNemesis(stage, mode, createRandom(`${seed}:nemesis`), log);
    const ending = new AbortController();
    // Every watch and every pause listens to it.
    setMaxListeners(0, ending.signal);
    signal?.addEventListener('abort', () => ending.abort());
    const clients = Array.from({ length: mode.clients }, (_, index) =>
      createClient({
        name: `c${index + 1}`,
        seed,
        stage,
        journal,
        random: createRandom(`${seed}:client:${index}`),
        rates: usualRates,
        signal: ending.signal,
      }),
    );

    const troubles: string[] = [];
    let broken = true;
    const patience = new AbortController();
    setMaxListeners(0, patience.signal);
    ending.signal.addEventListener('abort', () => patience.abort());
    const breaking = nemesis
      .run(patience.signal)
      .catch((error: unknown) => void troubles.push(`the nemesis did not come to its end: ${String(error)}`))
      .finally(() => (broken = false));
    const lag = monitorEventLoopDelay();
    lag.enable();
    const progress = setInterval(
      () =>
        log(
          `${Math.round((Date.now() - loadedFrom) / 1_000)} s: ${submitted} jobs, lag p99 ${Math.round(lag.percentile(99) / 1e6)} ms max ${Math.round(lag.max / 1e6)} ms, ${JSON.stringify(nemesis.injected())}`,
        ),
      LOG_EVERY_MS,
    );
    let submitted = 0;
    try {
      const runs = new Set<Promise<void>>();
      const maxLoadMs = MAX_LOAD_FACTOR * 1_000 * (mode.jobs / mode.jobsPerSecond);
      // Clients wait for the one before, where the machine has other work: the proxies and the clients are in this
      // process, and a crowd of repeats would keep the gateways from the database for ever.
      while ((submitted < mode.jobs || broken) && Date.now() - loadedFrom < maxLoadMs && !ending.signal.aborted) {
        while (runs.size >= MAX_RUNS) await Promise.race(runs);
        const run = clients[submitted % clients.length]!.run(submitted).finally(() => runs.delete(run));
        runs.add(run);
        submitted += 1;
        await setTimeout(Math.max(0, loadedFrom + (1_000 * submitted) / mode.jobsPerSecond - Date.now()));
      }
      // What is not broken by now never will be.
      patience.abort();
      await breaking;
      await Promise.all(runs);
    } finally {
      clearInterval(progress);
    }

    const settlingFrom = Date.now();
    const gather = (): Promise<Evidence> => gatherEvidence(stage, clientsFile, listening.file);
    await untilSettled(gather, mode, log, ending.signal);
    const stillUp = stage.gateways.filter((gateway) => gateway.isUp()).length;
    ending.abort();
    await Promise.all(clients.map((client) => client.untilWatched()));
    const evidence = await gather();
    const figures = figuresOf(evidence);
    const violations = check(evidence);
    const failures = [
      ...troubles,
      ...nemesis.failures(),
      ...(stillUp < stage.gateways.length ? [`${stage.gateways.length - stillUp} gateways are not up at the end`] : []),
      ...(figures.neverArrived > MAX_NEVER_ARRIVED * figures.jobs
        ? [`${figures.neverArrived} of ${figures.jobs} jobs never reached the upstream`]
        : []),
      ...(submitted < mode.jobs ? [`only ${submitted} of ${mode.jobs} jobs were submitted in time`] : []),
    ];
    keepFolder = violations.length + failures.length > 0;
    return {
      evidence,
      violations,
      failures,
      figures,
      injected: nemesis.injected(),
      seconds: {
        start: seconds(loadedFrom - from),
        load: seconds(settlingFrom - loadedFrom),
        settle: seconds(Date.now() - settlingFrom),
      },
      folder: stage.folder,
    };
  } finally {
    listening.stop();
    await stage.stop(keepFolder);
  }
}

const seconds = (ms: number): number => Math.round(ms / 100) / 10;

/** Resolves when nothing is left that time could cure, or when that has had all the time it may need. */
async function untilSettled(
  gather: () => Promise<Evidence>,
  { deadlineSeconds }: Mode,
  log: (message: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const from = Date.now();
  let least = Infinity;
  let betterAt = from;
  const limitMs =
    1_000 *
    (deadlineSeconds + SUBMIT_TIMEOUT_SECONDS + LEASE_MARGIN_SECONDS + POLL_LEASE_SECONDS + SETTLE_MARGIN_SECONDS);
  while (!signal.aborted) {
    await setTimeout(SETTLE_CHECK_MS);
    const left = check(await gather()).filter(({ kind }) => curable.has(kind)).length;
    if (left === 0 && Date.now() - from >= MIN_SETTLE_MS) return;
    // What a slow machine has queued is worked off for as long as it becomes less.
    if (left < least) [least, betterAt] = [left, Date.now()];
    if (Date.now() - betterAt > limitMs) return log(`not settled: ${left} left, and no fewer for ${limitMs / 1_000} s`);
  }
}
