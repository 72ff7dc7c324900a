/**
 * Simulates one client. It submits jobs with idempotency keys, repeats requests that were refused or whose outcome is
 * unknown, reads, watches and cancels jobs, and records every operation.
 */
import { setTimeout } from 'node:timers/promises';
import type { GatewayProcess } from '../gateway-process.ts';
import type { GraphQLAnswer, Reply } from '../graphql-client.ts';
import type { Journal } from '../journal.ts';
import type { Random } from '../random.ts';
import type { Harness } from '../harness.ts';
import { JOB_FIELDS, nextOperation, toSeen, type JobView } from './job-view.ts';
import type { ClientRecord, End, Seen } from './records.ts';
import { watchToEnd } from './watcher.ts';

export interface ClientRates {
  /**
   * Shares of jobs that are, in this order: watched to their end; sent again after the answer; sent twice at once;
   * canceled at once; read several times.
   */
  readonly watched: number;
  readonly repeated: number;
  readonly raced: number;
  readonly canceled: number;
  readonly read: number;
  /**
   * Share of refused requests and of requests with an unknown outcome that are not repeated, as if the client had
   * crashed.
   */
  readonly givenUp: number;
}

export const usualRates: ClientRates = {
  watched: 0.35,
  repeated: 0.03,
  raced: 0.03,
  canceled: 0.02,
  read: 0.15,
  givenUp: 0.02,
};

export interface ClientOptions {
  readonly name: string;
  readonly seed: string;
  readonly harness: Harness;
  readonly journal: Journal<ClientRecord>;
  readonly random: Random;
  readonly rates: ClientRates;
  /** Aborts when no more requests are to be sent. */
  readonly signal: AbortSignal;
}

export interface ProvingClient {
  /**
   * Submits the job with this number and continues with it according to `rates`. Resolves when all requests were
   * answered or the client has given up; watches continue.
   */
  run(number: number): Promise<void>;
  /** Returns the number of jobs that are being watched. */
  openWatches(): number;
  /** Resolves when all watches have ended. */
  untilWatched(): Promise<void>;
}

interface Payload {
  readonly job: JobView | null;
  readonly replayed?: boolean;
  readonly userErrors?: readonly { readonly code: string }[];
}

const GENERATE = `mutation ($input: GenerateMotionInput!) { payload: generateMotion(input: $input) { replayed job { ${JOB_FIELDS} } userErrors { code } } }`;
const CANCEL = `mutation ($id: ID!) { payload: cancelMotionJob(input: { id: $id }) { job { ${JOB_FIELDS} } userErrors { code } } }`;
const READ = `query ($id: ID!) { payload: motionJob(id: $id) { ${JOB_FIELDS} } }`;

/**
 * Returns the range of the delay before a request is repeated, by the number of earlier repeats. The delay grows
 * exponentially, as that of patient clients does, because impatient ones keep a server down.
 */
const repeatMs = (repeats: number): readonly [number, number] => [100, Math.min(20_000, 300 * 2 ** repeats)];
const READ_PAUSE_MS: readonly [number, number] = [200, 2_000];
const READS = 4;

export function createClient({ name, seed, harness, journal, random, rates, signal }: ClientOptions): ProvingClient {
  const watches = new Set<Promise<void>>();

  function pickGateway(): GatewayProcess {
    const up = harness.gateways.filter((gateway) => gateway.isUp());
    return random.pick(up.length > 0 ? up : harness.gateways);
  }

  /** Sends one request, and records its invocation and its end. */
  async function ask<T>(
    head: { op: 'generate'; key: string } | { op: 'cancel' | 'read'; jobId: string },
    query: string,
    variables: object,
    toEnd: (data: T) => object,
  ): Promise<object> {
    const gateway = pickGateway();
    const operation = { ...head, client: name, operation: nextOperation(), gateway: gateway.name };
    journal.append({ ...operation, type: 'invoke' });
    const reply = await harness.send<{ payload: T }>(gateway, {
      query,
      variables: variables as Record<string, unknown>,
    });
    const end = endOf(reply, toEnd);
    journal.append({ ...operation, ...end } as ClientRecord);
    return end;
  }

  const generateOnce = (key: string, number: number) =>
    ask<Payload>(
      { op: 'generate', key },
      GENERATE,
      { input: { ...INPUT, prompt: `${seed}#${number}`, idempotencyKey: key } },
      ({ job, replayed, userErrors }) =>
        job ? { type: 'ok', replayed, seen: toSeen(job) } : { type: 'fail', reason: userErrors?.[0]?.code ?? 'no job' },
    ) as Promise<End | { type: 'ok'; seen: Seen }>;

  async function generate(number: number): Promise<Seen | null> {
    const key = `${seed}-${number}`;
    const raced = random.chance(rates.raced) ? generateOnce(key, number) : null;
    for (let repeats = 0; ; repeats += 1) {
      const end = await generateOnce(key, number);
      if (end.type === 'ok') {
        await raced;
        return end.seen;
      }
      if (signal.aborted || random.chance(rates.givenUp)) return null;
      await pause(repeatMs(repeats));
    }
  }

  const pause = async (range: readonly [number, number]): Promise<void> =>
    void (await setTimeout(random.between(...range), undefined, { signal }).catch(() => undefined));

  async function read(jobId: string): Promise<void> {
    for (let left = READS; left > 0 && !signal.aborted; left -= 1) {
      await ask<JobView | null>({ op: 'read', jobId }, READ, { id: jobId }, (job) => ({
        type: 'ok',
        seen: job && toSeen(job),
      }));
      await pause(READ_PAUSE_MS);
    }
  }

  async function cancel(jobId: string): Promise<void> {
    await ask<Payload>({ op: 'cancel', jobId }, CANCEL, { id: jobId }, ({ job, userErrors }) =>
      job && userErrors?.length === 0
        ? { type: 'ok', seen: toSeen(job) }
        : { type: 'fail', reason: userErrors?.[0]?.code ?? 'no job' },
    );
  }

  return {
    async run(number) {
      const seen = await generate(number);
      if (!seen) return;
      if (random.chance(rates.canceled)) await cancel(seen.jobId);
      if (random.chance(rates.watched)) {
        const watch = watchToEnd({
          jobId: seen.jobId,
          afterVersion: random.chance(0.5) ? seen.version : 0,
          client: name,
          harness,
          journal,
          random,
          pickGateway,
          signal,
        }).finally(() => watches.delete(watch));
        watches.add(watch);
      }
      if (random.chance(rates.repeated)) await generateOnce(`${seed}-${number}`, number);
      if (random.chance(rates.read)) await read(seen.jobId);
    },
    openWatches: () => watches.size,
    async untilWatched() {
      await Promise.all(watches);
    },
  };
}

const INPUT = { imageUrl: 'https://media.example.com/character.jpg', videoUrl: 'https://media.example.com/motion.mp4' };

/** Interprets the answer by the contract of the gateway: see "Errors" in docs/usage.md. */
function endOf<T>(reply: Reply<{ payload: T }>, toEnd: (data: T) => object): object {
  switch (reply.kind) {
    case 'neverSent':
      return { type: 'fail', reason: reply.reason };
    case 'unanswered':
      return { type: 'unknown', reason: reply.reason };
    case 'answered':
      return endOfAnswer(reply.answer, toEnd);
  }
}

function endOfAnswer<T>({ status, data, errors }: GraphQLAnswer<{ payload: T }>, toEnd: (data: T) => object): object {
  const error = errors?.[0];
  if (error) {
    const { code } = error.extensions ?? {};
    const reason = typeof code === 'string' ? code : error.message;
    // Only for these errors does the gateway guarantee that nothing was executed.
    const sure = reason === 'SERVICE_UNAVAILABLE' && error.extensions?.mayHaveBeenAccepted !== true;
    return { type: sure ? 'fail' : 'unknown', reason };
  }
  return data ? toEnd(data.payload) : { type: 'unknown', reason: `HTTP ${status}` };
}
