/** Runs the chaos scenario: load and nemesis at the same time, then time for everything to end, then the check. */
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
import { startHarness } from '../harness/harness.ts';
import { rates, settingsOf, SUBMIT_TIMEOUT_SECONDS, TASK_SECONDS, type Mode } from './modes.ts';
import { createNemesis, type Injected } from './nemesis.ts';
import { startListening } from './listening.ts';

export interface ScenarioOptions {
  readonly seed: string;
  readonly mode: Mode;
  /** The built program; defaults to the project's own. */
  readonly dist?: string;
  /** Settings of the gateways that override those of the run. */
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
  /** Problems other than violated promises. */
  readonly failures: readonly string[];
  readonly figures: Figures;
  readonly injected: Injected;
  readonly seconds: { readonly start: number; readonly load: number; readonly settle: number };
  /** Contains the logs and the ledger. Removed if there were no violations and no failures. */
  readonly folder: string;
}

/** The kinds of violations that may disappear with time. */
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
 * If a submitter dies, the lease of its job lasts this much longer than the submit timeout. If a poller dies, its poll
 * is leased for `POLL_LEASE_SECONDS`. A missed wake-up delays a job until the next re-read at most, which the second
 * margin covers.
 */
const LEASE_MARGIN_SECONDS = 15;
const POLL_LEASE_SECONDS = 30;
const SETTLE_MARGIN_SECONDS = 30;
/** Late callbacks may arrive until then. */
const MIN_SETTLE_MS = 8_000;
const SETTLE_CHECK_MS = 2_000;
const LOG_EVERY_MS = 10_000;
/** The maximum number of jobs that clients work on at once. Usually it is a few dozen. */
const MAX_RUNS = 200;
/**
 * The maximum number of jobs that clients watch at once, usually about a hundred. Above it, new jobs wait until earlier
 * ones have ended. It is below the number of sockets that an address may have: refused watchers connect again and
 * again, and on a slow machine their handshakes took the CPU time that the backlog needed.
 */
const MAX_WATCHES = 300;
const BACKLOG_CHECK_MS = 100;
/**
 * The nemesis may need longer than the jobs. Load continues until it has finished, for up to this multiple of the
 * planned time.
 */
const MAX_LOAD_FACTOR = 4;
/** If a larger share of the jobs failed without having reached the upstream, the run shows nothing. */
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
  const harness = await startHarness({
    gateways: mode.gateways,
    ...(dist !== undefined && { dist }),
    settings: { ...settingsOf(mode), ...(listing && { LISTING_LOOKUP: 'on' }), ...settings },
    upstream: { seed, rates, taskSeconds: TASK_SECONDS, listing },
    log,
  });
  let keepFolder = true;
  const listening = await startListening(harness, createRandom(`${seed}:receiver`));
  try {
    const loadedFrom = Date.now();
    const clientsFile = join(harness.folder, 'clients.jsonl');
    const journal = openJournal<ClientRecord>(clientsFile);
    const nemesis = createNemesis(harness, mode, createRandom(`${seed}:nemesis`), log);
    const ending = new AbortController();
    // Every watch and every pause adds a listener.
    setMaxListeners(0, ending.signal);
    signal?.addEventListener('abort', () => ending.abort());
    const clients = Array.from({ length: mode.clients }, (_, index) =>
      createClient({
        name: `c${index + 1}`,
        seed,
        harness,
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
      .catch((error: unknown) => void troubles.push(`the nemesis did not finish: ${String(error)}`))
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
      const hasTime = (): boolean => Date.now() - loadedFrom < maxLoadMs && !ending.signal.aborted;
      const openWatches = (): number => clients.reduce((sum, client) => sum + client.openWatches(), 0);
      // If the machine is busy with other work, new jobs wait for earlier ones. The proxies and the clients are in this
      // process, and too many repeats would keep the gateways from the database permanently.
      while ((submitted < mode.jobs || broken) && hasTime()) {
        while (runs.size >= MAX_RUNS) await Promise.race(runs);
        while (openWatches() >= MAX_WATCHES && hasTime()) await setTimeout(BACKLOG_CHECK_MS);
        const run = clients[submitted % clients.length]!.run(submitted).finally(() => runs.delete(run));
        runs.add(run);
        submitted += 1;
        await setTimeout(Math.max(0, loadedFrom + (1_000 * submitted) / mode.jobsPerSecond - Date.now()));
      }
      // Stops the nemesis if it is still running: no faults are injected after the load.
      patience.abort();
      await breaking;
      await Promise.all(runs);
    } finally {
      clearInterval(progress);
    }

    const settlingFrom = Date.now();
    const gather = (): Promise<Evidence> => gatherEvidence(harness, clientsFile, listening.file);
    await untilSettled(gather, mode, log, ending.signal);
    const stillUp = harness.gateways.filter((gateway) => gateway.isUp()).length;
    ending.abort();
    await Promise.all(clients.map((client) => client.untilWatched()));
    const evidence = await gather();
    const figures = figuresOf(evidence);
    const violations = check(evidence);
    const failures = [
      ...troubles,
      ...nemesis.failures(),
      ...(stillUp < harness.gateways.length
        ? [`${harness.gateways.length - stillUp} gateways are not up at the end`]
        : []),
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
      folder: harness.folder,
    };
  } finally {
    listening.stop();
    await harness.stop(keepFolder);
  }
}

const seconds = (ms: number): number => Math.round(ms / 100) / 10;

/** Resolves when no violation is left that may disappear with time, or when the time limit for that is exceeded. */
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
    // On a slow machine, which works off its backlog, the time limit restarts whenever the number of violations
    // decreases.
    if (left < least) [least, betterAt] = [left, Date.now()];
    if (Date.now() - betterAt > limitMs)
      return log(`not settled: ${left} violations left, no decrease for ${limitMs / 1_000} s`);
  }
}
