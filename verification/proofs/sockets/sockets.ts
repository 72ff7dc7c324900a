/**
 * Hostile sockets: everything that a client can do wrong, several cases at once and repeatedly, on one gateway in a
 * process of its own. Each case ends as RFC 6455 and graphql-transport-ws require, a healthy watcher beside them misses
 * nothing, no connection is left open, and memory stays bounded.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { socketCases } from './socket-cases.ts';
import { dial, type RawSocket } from './raw-socket.ts';
import { initOf, INSERT_LASTING_JOB, play, settings, type SocketCase, type Target } from './socket-bench.ts';
import { countConnections, peakMb, resetPeak } from '../../harness/process-figures.ts';
import { createRandom } from '../../harness/random.ts';
import { startHarness, type Harness } from '../../harness/harness.ts';
import { noFaults } from '../../harness/upstream/plan.ts';
import { secondsSince, spreadOf, type Proof, type ProofOptions } from '../proof.ts';

const AT_ONCE = 4;
/**
 * In MB. With V8's defaults, garbage is not collected for minutes and hides what is retained, which is about 40 MB. A
 * gateway that retains more than this limit crashes.
 */
const HEAP = '--max-old-space-size=80 --max-semi-space-size=4';
const MAX_GROWTH_MB = 50;
/**
 * The growth in the first round over the idle process. It includes compiled code, and one retained message of 100 MB
 * would exceed it.
 */
const MAX_FIRST_GROWTH_MB = 80;
/** The maximum time that a watcher waits for an update, and that connections take to close. */
const UPDATE_LIMIT_MS = 10_000;
const CLOSE_LIMIT_MS = 10_000;
const LOOK_MS = 50;
/** The level of errors in the log. */
const ERROR = 50;

/**
 * The outcomes with which `play` describes a handshake that an overloaded gateway refused. Clients retry after the time
 * that the answer names, 2 to 5 s.
 */
const OVERLOADED: ReadonlySet<string> = new Set(['HTTP 503', 'not acknowledged: HTTP 503']);
const REPEAT_AFTER_MS = 5_000;
const MAX_REPEATS = 5;

/** Connections in addition to those of the cases. */
const WATCHERS = 1;

const GENERATE = 'mutation ($input: GenerateMotionInput!) { generateMotion(input: $input) { job { id } } }';
const INPUT = { imageUrl: 'https://media.example.com/a.jpg', videoUrl: 'https://media.example.com/a.mp4' };

/** `size` is the number of rounds of all cases, after one warm-up round. */
export async function proveSockets({ seed, size, dist, log }: ProofOptions): Promise<Proof> {
  const from = Date.now();
  const upstream = { seed, rates: { ...noFaults }, taskSeconds: [0.1, 0.2] as const, listing: false };
  const harness = await startHarness({
    gateways: 1,
    settings: { ...settings, NODE_OPTIONS: HEAP, UPSTREAM_SUBMITS_PER_SECOND: '1000' },
    upstream,
    log,
    ...(dist !== undefined && { dist }),
  });
  const violations: string[] = [];
  try {
    const gateway = harness.gateways[0]!;
    const pid = gateway.pid()!;
    const [job] = await harness.database.query<{ id: string }>(INSERT_LASTING_JOB);
    const target: Target = { url: gateway.url, apiKey: harness.apiKey, jobId: job!.id };
    const random = createRandom(seed);
    const watcher = await startWatcher(harness, target);
    const updateMs: number[] = [];

    const round = async (name: string): Promise<void> => {
      violations.push(...(await playAll(random.shuffled(socketCases), target)).map((wrong) => `${name}: ${wrong}`));
      await watcher.untilUpdate().then(
        (ms) => updateMs.push(ms),
        (error: Error) => violations.push(`${name}: ${error.message}`),
      );
    };
    updateMs.push(await watcher.untilUpdate());
    const idleMb = resetPeak(pid);
    await round('the first round');
    const firstGrowthMb = Math.round(peakMb(pid) - idleMb);
    const warmMb = resetPeak(pid);
    let highestMb = warmMb;
    for (let number = 1; number <= size && gateway.isUp(); number += 1) {
      await round(`round ${number}`);
      if (gateway.isUp()) highestMb = peakMb(pid);
      log(`round ${number}: peak ${highestMb} MB, was ${warmMb} MB; ${violations.length} violations`);
    }
    if (!gateway.isUp())
      return {
        figures: { cases: socketCases.length, seconds: secondsSince(from) },
        violations: [...violations, 'the gateway did not live through it'],
      };

    const growthMb = Math.round(highestMb - warmMb);
    const left = await untilClosed(() => countConnections(pid, gateway.port) ?? 0);
    const stopped = await gateway.stop();
    const errors = readFileSync(join(harness.folder, `${gateway.name}.log`), 'utf8')
      .split('\n')
      .filter((line) => line.startsWith('{') && (JSON.parse(line) as { level: number }).level >= ERROR);
    if (growthMb > MAX_GROWTH_MB)
      violations.push(
        `memory grew by ${growthMb} MB over the ${warmMb} MB after the first round, and the limit is ${MAX_GROWTH_MB} MB`,
      );
    if (firstGrowthMb > MAX_FIRST_GROWTH_MB)
      violations.push(
        `memory grew by ${firstGrowthMb} MB in the first round over the ${idleMb} MB of before, and the limit is ${MAX_FIRST_GROWTH_MB} MB`,
      );
    if (left !== WATCHERS) violations.push(`${left} connections are open at the end, and ${WATCHERS} should be`);
    if (stopped?.code !== 0) violations.push(`the gateway did not stop in order: ${JSON.stringify(stopped)}`);
    violations.push(...errors.map((line) => `an error in the log: ${line.slice(0, 300)}`));
    return {
      figures: {
        cases: socketCases.length,
        rounds: size,
        played: socketCases.length * (size + 1),
        idleMb,
        firstGrowthMb,
        warmMb,
        growthMb,
        maxGrowthMb: MAX_GROWTH_MB,
        connectionsLeft: left - WATCHERS,
        updateMs: spreadOf(updateMs),
        seconds: secondsSince(from),
      },
      violations,
    };
  } finally {
    await harness.stop(violations.length > 0);
  }
}

/** Plays the cases and describes those that did not end as expected. */
async function playAll(cases: readonly SocketCase[], target: Target): Promise<string[]> {
  const wrong: string[] = [];
  const left = [...cases];
  const playOn = async (): Promise<void> => {
    for (let one = left.pop(); one; one = left.pop()) {
      let end = await play(one, target);
      for (let repeats = 0; OVERLOADED.has(end) && repeats < MAX_REPEATS; repeats += 1) {
        await setTimeout(REPEAT_AFTER_MS);
        end = await play(one, target);
      }
      if (end !== one.expected) wrong.push(`${one.name}: ${end} instead of ${one.expected}`);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, playOn));
  return wrong;
}

/** Starts a client that follows its account on one socket, which is the same in all rounds. */
async function startWatcher(harness: Harness, target: Target) {
  const socket: RawSocket = dial(target.url);
  await socket.send(initOf(target));
  await socket.next();
  await socket.send({
    id: 'healthy',
    type: 'subscribe',
    payload: { query: 'subscription { jobsUpdated { job { id isTerminal } } }' },
  });

  async function untilEnded(jobId: string): Promise<void> {
    for (let message = await socket.next(); message; message = await socket.next()) {
      const { job } =
        (message as { payload?: { data?: { jobsUpdated?: { job: { id: string; isTerminal: boolean } } } } }).payload
          ?.data?.jobsUpdated ?? {};
      if (job?.id === jobId && job.isTerminal) return;
    }
    throw new Error(`the healthy watcher's socket ended: ${await socket.end}`);
  }

  return {
    /** Creates a job and resolves once the watcher has seen its end, with the time that this took in ms. */
    async untilUpdate(): Promise<number> {
      const from = Date.now();
      const reply = await harness.send<{ generateMotion: { job: { id: string } | null } }>(harness.gateways[0]!, {
        query: GENERATE,
        variables: { input: INPUT },
      });
      const jobId = reply.kind === 'answered' ? reply.answer.data?.generateMotion.job?.id : undefined;
      if (jobId === undefined) throw new Error(`no job was accepted: ${JSON.stringify(reply)}`);
      const late = new AbortController();
      const outOfTime = setTimeout(UPDATE_LIMIT_MS, undefined, { signal: late.signal }).then(() => {
        throw new Error(`the healthy watcher did not see the end of job ${jobId} within ${UPDATE_LIMIT_MS} ms`);
      });
      await Promise.race([untilEnded(jobId), outOfTime]).finally(() => late.abort());
      return Date.now() - from;
    },
  };
}

/** Returns the number of open connections, once those of the cases have had time to close. */
async function untilClosed(count: () => number): Promise<number> {
  for (const until = Date.now() + CLOSE_LIMIT_MS; ; await setTimeout(LOOK_MS)) {
    const open = count();
    if (open <= WATCHERS || Date.now() > until) return open;
  }
}
