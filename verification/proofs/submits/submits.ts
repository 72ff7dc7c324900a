/**
 * Ambiguous submits: the connection is reset or closed, the upstream does not answer or answers with half a body, 502,
 * 504 or 500, or the gateway is killed around the submit. No submit is sent again, and each submit that the upstream
 * took ends linked to its job.
 */
import { setMaxListeners } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { join } from 'node:path';
import { createConnections, closePool } from '../../../src/db/connection/client.ts';
import { createJobStore } from '../../../src/db/stores.ts';
import { check, type ViolationKind } from '../../chaos/checker/check.ts';
import type { Evidence } from '../../chaos/checker/evidence.ts';
import { gatherEvidence } from '../../chaos/checker/gather.ts';
import { createClient } from '../../harness/clients/client.ts';
import type { ClientRecord } from '../../harness/clients/records.ts';
import { openJournal, readJournal } from '../../harness/journal.ts';
import { createRandom, type Random } from '../../harness/random.ts';
import { startHarness, type Harness } from '../../harness/harness.ts';
import type { LedgerRecord } from '../../harness/upstream/messages.ts';
import { planSubmit, type FaultRates } from '../../harness/upstream/plan.ts';
import { countOf, secondsSince, spreadOf, type Proof, type ProofOptions } from '../proof.ts';

const JOBS_PER_SECOND = 6;
const DEADLINE_SECONDS = 24;
const TASK_SECONDS: readonly [number, number] = [0.3, 2];
const GATE_MS = 200;
const CRASH_LIMIT_MS = 20_000;
const SETTLE_CHECK_MS = 2_000;
const SETTLE_LIMIT_MS = 1_000 * (DEADLINE_SECONDS + 90);
const BATCH = 5;
/** The maximum number of jobs that wait to be accepted or submitted. */
const MAX_WAITING = 30;
const MAX_LOAD_FACTOR = 4;

/** One submit in seven is answered, so that a gateway can also be killed after a good answer. */
const rates: FaultRates = {
  submits: {
    none: 2,
    slow: 0,
    reset: 2,
    close: 2,
    hang: 2,
    half: 2,
    html: 3,
    errorEnvelope: 1,
    busy: 0,
    rejected: 0,
    finished: 0,
  },
  early: 0.1,
  lost: 0.5,
  contradictory: 0,
  forged: 0,
  lookUps: 0.02,
};

/** K3: before the first byte. K4: everything sent, nothing answered. K5: answered, but not stored. */
const crashPoints = ['K3', 'K4', 'K5'] as const;

const curable: ReadonlySet<ViolationKind> = new Set(['open', 'orphan', 'wrongEnd', 'wrongResult']);

/**
 * `size` is the minimum number of ambiguous submits. With `listing`, tasks are also found by listing. Without it, a
 * callback arrives sooner or later.
 */
export async function proveSubmits({ seed, size, dist, log }: ProofOptions, listing: boolean): Promise<Proof> {
  const from = Date.now();
  const harness = await startHarness({
    gateways: 3,
    ...(dist !== undefined && { dist }),
    settings: {
      SUBMIT_TIMEOUT_SECONDS: '2',
      POLL_FIRST_SECONDS: '2',
      POLL_INTERVAL_SECONDS: '1',
      JOB_DEADLINE_SECONDS: String(DEADLINE_SECONDS),
      UPSTREAM_MAX_IN_FLIGHT: '500',
      UPSTREAM_SUBMITS_PER_SECOND: '500',
      LISTING_LOOKUP: listing ? 'on' : 'off',
      PLAYGROUND: 'off',
    },
    upstream: { seed, rates, taskSeconds: TASK_SECONDS, listing },
    log,
  });
  const violations: string[] = [];
  try {
    const clientsFile = join(harness.folder, 'clients.jsonl');
    const ending = new AbortController();
    // Each request that waits for a retry adds a listener.
    setMaxListeners(0, ending.signal);
    const client = createClient({
      name: 'c1',
      seed,
      harness,
      journal: openJournal<ClientRecord>(clientsFile),
      random: createRandom(`${seed}:client`),
      rates: { watched: 0, repeated: 0, raced: 0, canceled: 0, read: 0, givenUp: 0 },
      signal: ending.signal,
    });
    const gate = keepGateOpen(harness);

    const crashes: string[] = [];
    let crashing = true;
    const crash = crashOften(
      harness,
      Math.max(crashPoints.length, Math.round(size * 0.04)),
      createRandom(`${seed}:crashes`),
      crashes,
      violations,
    ).finally(() => (crashing = false));
    const ledger = (): LedgerRecord[] => readJournal<LedgerRecord>(harness.ledgerFile);
    const runs = new Set<Promise<void>>();
    const limitMs = Math.max(60_000, (MAX_LOAD_FACTOR * 1_000 * size) / JOBS_PER_SECOND);
    const loadedFrom = Date.now();
    let sent = 0;
    // A machine that cannot keep up is not loaded further, because this proof is about the submits and not about the
    // load.
    while ((crashing || ambiguous(ledger()) < size) && Date.now() - loadedFrom < limitMs) {
      const waiting = sent - crashes.length - ledger().filter(({ kind }) => kind === 'received').length;
      for (let more = Math.min(BATCH, MAX_WAITING - waiting); more > 0 && runs.size < MAX_WAITING; more -= 1) {
        const run = client.run(sent).finally(() => runs.delete(run));
        runs.add(run);
        sent += 1;
      }
      await setTimeout((1_000 * BATCH) / JOBS_PER_SECOND);
    }
    await crash;
    await Promise.all(runs);
    log(
      `${sent} jobs, ${ambiguous(ledger())} ambiguous submits, ${crashes.length} crashes in ${secondsSince(loadedFrom)} s`,
    );

    const gather = (): Promise<Evidence> => gatherEvidence(harness, clientsFile);
    for (const until = Date.now() + SETTLE_LIMIT_MS; Date.now() < until; await setTimeout(SETTLE_CHECK_MS)) {
      if (!check(await gather()).some(({ kind }) => curable.has(kind))) break;
    }
    // Leaves time for a gateway that would wrongly send a job again.
    await setTimeout(SETTLE_CHECK_MS);
    await gate.stop();
    ending.abort();
    const evidence = await gather();
    violations.push(...check(evidence).map(({ kind, jobId, message }) => `${kind}: ${message} (job ${jobId})`));
    const found = ambiguous(evidence.ledger);
    if (found < size) violations.push(`only ${found} ambiguous submits in time`);
    const figures = await figuresOf(harness, evidence, seed);
    return { figures: { ...figures, crashes: countOf(crashes), seconds: secondsSince(from) }, violations };
  } finally {
    await harness.stop(violations.length > 0);
  }
}

/**
 * Resumes the gate continuously, as an operator would. Otherwise, ambiguous submits would close it for longer and
 * longer.
 */
function keepGateOpen(harness: Harness): { stop(): Promise<void> } {
  const connections = createConnections(harness.database.url, 1, () => undefined);
  const store = createJobStore(connections);
  const timer = setInterval(
    () => void store.transaction((tx) => store.resumeGate(tx, 'acedata')).catch(() => undefined),
    GATE_MS,
  );
  return {
    stop() {
      clearInterval(timer);
      return closePool(connections);
    },
  };
}

async function crashOften(
  harness: Harness,
  count: number,
  random: Random,
  crashes: string[],
  violations: string[],
): Promise<void> {
  harness.upstream.onMessage((message) => {
    if (message.kind === 'held') void harness.gateways.find(({ name }) => name === message.gateway)?.kill();
  });
  for (let number = 0; number < count; number += 1) {
    const gateway = harness.gateways[number % harness.gateways.length]!;
    const point = number < crashPoints.length ? crashPoints[number]! : random.pick(crashPoints);
    const ended = gateway.untilEnd();
    const order = (on: boolean): void =>
      point === 'K4'
        ? harness.upstream.send({ kind: on ? 'holdNext' : 'holdNone', gateway: gateway.name })
        : gateway.order(on ? point : null);
    const late = new AbortController();
    order(true);
    const end = await Promise.race([
      ended,
      setTimeout(CRASH_LIMIT_MS, null, { signal: late.signal }).catch(() => null),
    ]);
    late.abort();
    if (end?.signal === 'SIGKILL') crashes.push(point);
    else
      violations.push(`${gateway.name} was to die at ${point} and ${end ? `ended with code ${end.code}` : 'did not'}`);
    if (!end) order(false);
    else await gateway.start();
  }
}

const answered = new Set(['none', 'slow']);

/** Counts the submits that were received and, because of their fault, never properly answered. */
const ambiguous = (ledger: readonly LedgerRecord[]): number =>
  ledger.filter((entry) => entry.kind === 'received' && !answered.has(entry.fault)).length;

interface Link {
  readonly jobId: string;
  readonly prompt: string;
  readonly submittedAt: Date | null;
  /** The event that made the task known first, other than an answer. */
  readonly by: 'LISTING' | 'CLAIM_JUDGED' | null;
}

const linksQuery = `select jobs.id as "jobId", prompt, submitted_at as "submittedAt",
  (select type from job_events where job_id = jobs.id and (type = 'LISTING' or type = 'CLAIM_JUDGED' and verdict = 'CONFIRMED') order by id limit 1) as by from jobs`;

async function figuresOf(harness: Harness, { ledger, jobs }: Evidence, seed: string) {
  const links = new Map(
    (await harness.database.query<Link & Record<string, unknown>>(linksQuery)).map((link) => [link.jobId, link]),
  );
  const received = ledger.flatMap((entry) => (entry.kind === 'received' ? [entry] : []));
  const tasks = new Map(ledger.flatMap((entry) => (entry.kind === 'taken' ? [[entry.jobId, entry] as const] : [])));
  const rows = new Map(jobs.map((row) => [row.id, row]));
  const kindOf = ({ jobId, attempt, fault }: (typeof received)[number]): string =>
    fault === 'html'
      ? `html ${planSubmit(seed, links.get(jobId)!.prompt, attempt, rates, TASK_SECONDS).htmlStatus}`
      : fault;
  const inDoubt = received.filter(({ fault }) => !answered.has(fault));
  const taken = inDoubt.filter(({ jobId }) => tasks.has(jobId));
  const linked = taken.filter(({ jobId }) => rows.get(jobId)?.taskId === tasks.get(jobId)!.taskId);
  const times = new Map<string, number>();
  for (const { jobId } of received) times.set(jobId, (times.get(jobId) ?? 0) + 1);
  return {
    jobs: jobs.length,
    submits: received.length,
    ambiguous: inDoubt.length,
    byKind: countOf(inDoubt.map(kindOf)),
    resent: [...times.values()].filter((count) => count > 1).length,
    taken: taken.length,
    linked: linked.length,
    linkedBy: countOf(
      linked.map(
        ({ jobId }) =>
          ({ LISTING: 'listing', CLAIM_JUDGED: 'callback', null: 'answer' })[String(links.get(jobId)?.by) as 'LISTING'],
      ),
    ),
    linkedAfterMs: spreadOf(
      linked.flatMap(
        ({ jobId }) =>
          (links.get(jobId)?.submittedAt?.getTime() ?? NaN) -
          Number((tasks.get(jobId) as unknown as { at: number }).at),
      ),
    ),
    ends: countOf(jobs.map(({ state, failureCode }) => failureCode ?? state)),
  };
}
