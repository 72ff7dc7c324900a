/**
 * One client: it submits jobs with idempotency keys, repeats what it does not know the end of, reads, watches and
 * cancels, and writes everything down.
 */
import { setTimeout } from 'node:timers/promises';
import type { GatewayProcess } from '../gateway-process.ts';
import type { GraphQLAnswer, Reply } from '../graphql-client.ts';
import type { Journal } from '../journal.ts';
import type { Random } from '../random.ts';
import type { Stage } from '../harness.ts';
import { JOB_FIELDS, nextOperation, toSeen, type JobView } from './job-view.ts';
import type { ClientRecord, End, Seen } from './records.ts';
import { watchToEnd } from './watcher.ts';

export interface ClientRates {
  /**
   * Of jobs: followed to their end; sent a second time after the answer; sent twice at once; canceled at once; read
   * some times.
   */
  readonly watched: number;
  readonly repeated: number;
  readonly raced: number;
  readonly canceled: number;
  readonly read: number;
  /** Of requests whose end is not known, and of refused ones: not repeated, as if the client had crashed. */
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
  readonly stage: Stage;
  readonly journal: Journal<ClientRecord>;
  readonly random: Random;
  readonly rates: ClientRates;
  /** Aborts when nothing more shall be asked. */
  readonly signal: AbortSignal;
}

export interface ProvingClient {
  /**
   * Submits the job of this number and does with it what clients do; resolves when it was answered or given up, watches
   * go on.
   */
  run(number: number): Promise<void>;
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
 * Before a request is repeated, by how often it was; as patient clients do, since impatient ones keep a server down.
 */
const repeatMs = (repeats: number): readonly [number, number] => [100, Math.min(20_000, 300 * 2 ** repeats)];
const READ_PAUSE_MS: readonly [number, number] = [200, 2_000];
const READS = 4;

export function createClient({ name, seed, stage, journal, random, rates, signal }: ClientOptions): ProvingClient {
  const watches = new Set<Promise<void>>();

  function pickGateway(): GatewayProcess {
    const up = stage.gateways.filter((gateway) => gateway.isUp());
    return random.pick(up.length > 0 ? up : stage.gateways);
  }

  /** One request, from invoke to its end. */
  async function ask<T>(
    head: { op: 'generate'; key: string } | { op: 'cancel' | 'read'; jobId: string },
    query: string,
    variables: object,
    toEnd: (data: T) => object,
  ): Promise<object> {
    const gateway = pickGateway();
    const operation = { ...head, client: name, operation: nextOperation(), gateway: gateway.name };
    journal.append({ ...operation, type: 'invoke' });
    const reply = await stage.send<{ payload: T }>(gateway, { query, variables: variables as Record<string, unknown> });
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
          stage,
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
    async untilWatched() {
      await Promise.all(watches);
    },
  };
}

const INPUT = { imageUrl: 'https://media.example.com/character.jpg', videoUrl: 'https://media.example.com/motion.mp4' };

/** What the answer means by the gateway's own contract: see "Errors" in docs/usage.md. */
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
    // Of these alone the gateway says that nothing was done.
    const sure = reason === 'SERVICE_UNAVAILABLE' && error.extensions?.mayHaveBeenAccepted !== true;
    return { type: sure ? 'fail' : 'unknown', reason };
  }
  return data ? toEnd(data.payload) : { type: 'unknown', reason: `HTTP ${status}` };
}
