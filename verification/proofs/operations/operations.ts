/**
 * Hostile operations on both transports. Every document and every body is answered, within limits on the size of the
 * answer and on CPU time, and without an internal error. Anything that one transport refuses is refused by the other
 * for the same reason.
 */
import { setTimeout } from 'node:timers/promises';
import { bodyKindNames, drawBody } from './bodies.ts';
import { drawDocument, kindNames, type Request } from './documents.ts';
import { createSubscriber, post, type Answer } from './transports.ts';
import { cpuMsOf } from '../../harness/cpu-time.ts';
import { createRandom } from '../../harness/random.ts';
import { startHarness, type Harness } from '../../harness/harness.ts';
import { noFaults } from '../../harness/upstream/plan.ts';
import { countOf, secondsSince, spreadOf, type Proof, type ProofOptions } from '../proof.ts';

const MAX_CPU_MS = 100;
const MAX_ANSWER_BYTES = 64 * 1024;
const MAX_BODY_BYTES = 64 * 1024;
/** The envelopes of a request on the two transports differ in size by less than this. */
const WRAPPING_BYTES = 200;
/**
 * A request that takes too long is sent again: a collection of garbage, its own or that of earlier requests, happens
 * only once.
 */
const REPEATS = 4;
/** The number of bodies, relative to the number of documents. */
const BODY_SHARE = 0.2;
/** Enough requests for the engine to compile the code that all of them use. */
const WARM_UP = 300;
const MAX_TOLD = 20;

/** The codes that a document gets on a transport that cannot execute it at all. */
const OF_THE_TRANSPORT = ['SOCKET_ONLY', 'SUBSCRIPTIONS_ONLY'];

interface Sent {
  readonly kind: string;
  readonly door: 'HTTP' | 'socket';
  readonly answer: Answer;
  readonly cpuMs: number;
}

/** `size` is the number of documents. */
export async function proveOperations({ seed, size, dist, log }: ProofOptions): Promise<Proof> {
  const from = Date.now();
  const harness = await startHarness({
    gateways: 1,
    ...(dist !== undefined && { dist }),
    // The same limit as for a query, because the root field of a query counts 9 more than that of a subscription.
    settings: {
      NODE_ENV: 'production',
      UPSTREAM_SUBMITS_PER_SECOND: '1000',
      SOCKET_MESSAGES_PER_SECOND: '1000000',
      MAX_SUBSCRIPTION_COST: '4991',
    },
    upstream: { seed, rates: noFaults, taskSeconds: [0.1, 0.2], listing: false },
    log,
  });
  const violations: string[] = [];
  const subscriber = createSubscriber(harness.gateways[0]!.url, harness.apiKey);
  try {
    const jobId = await makeJob(harness);
    const { pid, postMeasured, subscribeMeasured } = createTransports(harness, subscriber);
    await sendDocuments(`${seed}:warm-up`, Math.min(WARM_UP, size), jobId);
    const sent = await sendDocuments(seed, size, jobId);
    log(`${size} documents on both transports after ${secondsSince(from)} s`);
    const bodies = await sendBodies(Math.max(bodyKindNames.length, Math.ceil(size * BODY_SHARE)));
    const all = [...sent.flatMap(({ http, socket, crossed }) => [http, socket, ...crossed]), ...bodies];

    for (const one of all) violations.push(...violationsOf(one));
    for (const { http, socket, bytes } of sent) {
      if (Math.abs(bytes - MAX_BODY_BYTES) < WRAPPING_BYTES) continue;
      const [one, other] = [reasonsOf(http.answer), reasonsOf(socket.answer)];
      if (one !== other) violations.push(`${http.kind}: HTTP says ${one || 'yes'}, the socket ${other || 'yes'}`);
    }
    for (const { crossed } of sent) {
      for (const { kind, door, answer } of crossed)
        if (answer.codes.length === 0) violations.push(`${kind}: executed over the wrong transport, ${door}`);
    }
    if (harness.gateways[0]!.pid() !== pid || !harness.gateways[0]!.isUp()) violations.push('the gateway has ended');
    if ((await subscribeMeasured('a plain one', plain(jobId))).answer.codes.length > 0)
      violations.push('a plain subscription is no longer answered');
    return {
      figures: {
        documents: sent.length,
        kinds: kindNames.length,
        bodies: bodies.length,
        answers: {
          HTTP: answersOf(sent.map(({ http }) => http)),
          socket: answersOf(sent.map(({ socket }) => socket)),
          bodies: answersOf(bodies),
        },
        cpuMs: cpuMsOf(pid) === null ? 'not available on this platform' : spreadOf(all.map(({ cpuMs }) => cpuMs)),
        costliest: all.reduce((most, one) => (one.cpuMs > most.cpuMs ? one : most)).kind,
        answerBytes: spreadOf(all.map(({ answer }) => Buffer.byteLength(answer.text))),
        seconds: secondsSince(from),
      },
      violations: tell(violations),
    };

    /**
     * Sends each document, below both root fields, on the transport that executes it. One in ten, unless it has an
     * operation name, is also sent on the other transport, which must not execute it.
     */
    async function sendDocuments(text: string, count: number, id: string) {
      const random = createRandom(`${text}:documents`);
      const results: { http: Sent; socket: Sent; crossed: Sent[]; bytes: number }[] = [];
      for (let number = 0; number < count; number += 1) {
        const { kind, write } = drawDocument(random, number);
        const [query, subscription] = [write('query', id), write('subscription', id)];
        const http = await postMeasured(kind, JSON.stringify(query));
        const socket = await subscribeMeasured(kind, subscription);
        // With an operation name, a request may select another operation of the document, which this transport does
        // execute.
        const isCrossed = number % 10 === 0 && subscription.operationName === undefined;
        const crossed = isCrossed
          ? [await postMeasured(kind, JSON.stringify(subscription)), await subscribeMeasured(kind, query)]
          : [];
        results.push({ http, socket, crossed, bytes: Buffer.byteLength(JSON.stringify(subscription)) });
      }
      return results;
    }

    async function sendBodies(count: number): Promise<Sent[]> {
      const random = createRandom(`${seed}:bodies`);
      const results: Sent[] = [];
      for (let number = 0; number < count; number += 1) {
        const { kind, body, contentType } = drawBody(random, number);
        results.push(await postMeasured(kind, body, contentType));
      }
      return results;
    }
  } finally {
    subscriber.close();
    await harness.stop(violations.length > 0);
  }
}

const plain = (id: string): Request => ({
  query: 'subscription ($id: ID!) { jobUpdated(id: $id) { id } }',
  variables: { id },
});

/**
 * Measures the CPU time of the gateway's process during each request, and takes the minimum of several tries if it is
 * too high.
 */
function createTransports(harness: Harness, subscriber: ReturnType<typeof createSubscriber>) {
  const { url, pid: find } = harness.gateways[0]!;
  const pid = find()!;
  async function measure(kind: string, door: Sent['door'], send: () => Promise<Answer>): Promise<Sent> {
    let [answer, cpuMs] = [undefined as Answer | undefined, Infinity];
    for (let left = REPEATS; left > 0 && cpuMs > MAX_CPU_MS; left -= 1) {
      const before = cpuMsOf(pid) ?? 0;
      answer = await send();
      cpuMs = Math.min(cpuMs, (cpuMsOf(pid) ?? 0) - before);
    }
    return { kind, door, answer: answer!, cpuMs };
  }
  return {
    pid,
    postMeasured: (kind: string, body: string, contentType?: string) =>
      measure(kind, 'HTTP', () => post(url, harness.apiKey, body, contentType)),
    subscribeMeasured: (kind: string, request: Request) => measure(kind, 'socket', () => subscriber.subscribe(request)),
  };
}

async function makeJob(harness: Harness): Promise<string> {
  const input = {
    imageUrl: 'https://media.example.com/a.jpg',
    videoUrl: 'https://media.example.com/a.mp4',
    prompt: 'Walk and wave',
  };
  const reply = await harness.send<{ generateMotion: { job: { id: string } } }>(harness.gateways[0]!, {
    query: 'mutation ($input: GenerateMotionInput!) { generateMotion(input: $input) { job { id } } }',
    variables: { input },
  });
  if (reply.kind !== 'answered') throw new Error('no job was accepted');
  const { id } = reply.answer.data!.generateMotion.job;
  for (let left = 300; left > 0; left -= 1) {
    const [job] = await harness.database.query<{ state: string }>(`select state from jobs where id = '${id}'`);
    if (job?.state === 'SUCCEEDED' || job?.state === 'FAILED') return id;
    await setTimeout(100);
  }
  throw new Error('the job did not end');
}

function violationsOf({ kind, door, answer: { status, codes, text }, cpuMs }: Sent): string[] {
  const found: string[] = [];
  const bytes = Buffer.byteLength(text);
  if (door === 'HTTP' && status! >= 500) found.push(`${kind}: HTTP ${status}`);
  if (door === 'socket' && status !== null && status !== 1009)
    found.push(`${kind}: the socket was closed with ${status}`);
  if (codes.includes('INTERNAL_SERVER_ERROR') || codes.includes('undefined'))
    found.push(`${kind}: ${codes.join(' ')} over ${door}`);
  if (bytes > MAX_ANSWER_BYTES) found.push(`${kind}: ${bytes} bytes of answer over ${door}`);
  if (cpuMs > MAX_CPU_MS) found.push(`${kind}: ${Math.round(cpuMs)} ms of computing over ${door}, ${REPEATS} times`);
  return found;
}

/** Returns the reasons for a refusal, in the same words for both transports. */
function reasonsOf({ codes }: Answer): string {
  const tooLarge = codes.includes('BODY_TOO_LARGE') || codes.includes('closed 1009');
  return tooLarge ? 'too large' : codes.filter((code) => !OF_THE_TRANSPORT.includes(code)).join(' ');
}

const answersOf = (all: readonly Sent[]) => countOf(all.map(({ answer }) => answer.codes.join(' ') || 'executed'));

/** Returns the first violation of each kind, with its count. */
function tell(violations: readonly string[]): string[] {
  const counts = Object.entries(countOf(violations.map((text) => text.replace(/\d+ (ms|bytes)/, '$1'))));
  return counts
    .slice(0, MAX_TOLD)
    .map(
      ([text, count]) => `${violations.find((one) => one.replace(/\d+ (ms|bytes)/, '$1') === text)!} (${count} times)`,
    );
}
