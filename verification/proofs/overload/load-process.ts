/**
 * The load generator, in a process of its own: sends reads, submits and WebSocket handshakes at a fixed rate for a
 * limited time, regardless of the outcome of earlier ones. It connects to loopback addresses only.
 */
import { connect } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { Pool } from 'undici';

type Kind = 'read' | 'list' | 'submit' | 'restSubmit' | 'handshake';

export interface LoadOrder {
  readonly url: string;
  /** One key per account. */
  readonly apiKeys: readonly string[];
  readonly perSecond: number;
  readonly seconds: number;
  /** Ids of the jobs to read. */
  readonly jobIds: readonly string[];
  readonly seed: number;
}

export interface Answered {
  readonly kind: Kind;
  /** The HTTP status, followed by the GraphQL error code if there is one; the reason if there is no answer. */
  readonly outcome: string;
  readonly ms: number;
  /** Set for a 503 or 429. */
  readonly retryAfter: string | null;
  /** Set for an accepted submit. */
  readonly jobId: string | null;
}

export interface LoadResult {
  readonly answers: readonly Answered[];
  /** Requests that were skipped because too many were in progress when they were due. */
  readonly skipped: number;
  /** CPU time of this process, ms. */
  readonly cpuMs: number;
}

const PATIENCE_MS = 20_000;
/** The maximum number of concurrent requests. Each has a connection, so that none waits for one in this process. */
const MAX_UNDER_WAY = 4_000;
const TICK_MS = 2;
const CYCLE: readonly Kind[] = [
  'read',
  'submit',
  'read',
  'handshake',
  'list',
  'read',
  'restSubmit',
  'handshake',
  'read',
  'submit',
];

const READ = 'query ($id: ID!) { motionJob(id: $id) { id version state } }';
const LIST = '{ motionJobs(first: 5) { nodes { id state } } }';
const GENERATE =
  'mutation ($input: GenerateMotionInput!) { generateMotion(input: $input) { job { id } userErrors { code } } }';
const MEDIA = { imageUrl: 'https://media.example.com/character.jpg', videoUrl: 'https://media.example.com/motion.mp4' };
const REST_BODY = {
  image_url: MEDIA.imageUrl,
  video_url: MEDIA.videoUrl,
  mode: 'std',
  character_orientation: 'image',
  async: true,
};

interface Body {
  readonly data?: { readonly generateMotion?: { readonly job: { readonly id: string } | null } | null } | null;
  readonly errors?: readonly {
    readonly extensions?: { readonly code?: string; readonly retryAfterSeconds?: number };
  }[];
  readonly task_id?: string;
}

async function runLoad({ url, apiKeys, perSecond, seconds, jobIds, seed }: LoadOrder): Promise<LoadResult> {
  const { hostname, port } = new URL(url);
  if (hostname !== '127.0.0.1') throw new Error('the load goes to loopback only');
  const pool = new Pool(url, {
    connections: MAX_UNDER_WAY,
    pipelining: 1,
    headersTimeout: PATIENCE_MS,
    bodyTimeout: PATIENCE_MS,
  });
  const answers: Answered[] = [];
  const cpuBefore = process.cpuUsage();
  let [underWay, skipped] = [0, 0];

  async function post(kind: Kind, key: string, path: string, body: object): Promise<void> {
    const from = performance.now();
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${key}` };
    try {
      const answer = await pool.request({ method: 'POST', path, headers, body: JSON.stringify(body) });
      const text = await answer.body.text();
      const read = JSON.parse(text) as Body;
      const { code, retryAfterSeconds } = read.errors?.[0]?.extensions ?? {};
      answers.push({
        kind,
        // A refusal for overload also names a retry time in its body. A refusal for an unavailable database does not.
        outcome: [
          answer.statusCode,
          code,
          code === 'SERVICE_UNAVAILABLE' && retryAfterSeconds === undefined && 'of the database',
        ]
          .filter(Boolean)
          .join(' '),
        ms: performance.now() - from,
        retryAfter: answer.headers['retry-after']?.toString() ?? null,
        jobId: read.data?.generateMotion?.job?.id ?? (kind === 'restSubmit' ? read.task_id : null) ?? null,
      });
    } catch (error) {
      answers.push({
        kind,
        outcome: (error as NodeJS.ErrnoException).code ?? (error as Error).name,
        ms: performance.now() - from,
        retryAfter: null,
        jobId: null,
      });
    }
  }

  async function act(index: number): Promise<void> {
    const kind = CYCLE[(index + seed) % CYCLE.length]!;
    const key = apiKeys[(index + seed) % apiKeys.length]!;
    const id = jobIds[(index * 7 + seed) % jobIds.length];
    if (kind === 'read') return post(kind, key, '/graphql', { query: READ, variables: { id } });
    if (kind === 'list') return post(kind, key, '/graphql', { query: LIST });
    if (kind === 'submit') return post(kind, key, '/graphql', { query: GENERATE, variables: { input: MEDIA } });
    if (kind === 'restSubmit') return post(kind, key, '/kling/motion', { ...REST_BODY, prompt: `${seed} ${index}` });
    answers.push(await shakeHands(Number(port), key));
  }

  const waiting: Promise<void>[] = [];
  const from = performance.now();
  for (let next = 0; next < perSecond * seconds; await setTimeout(TICK_MS)) {
    for (; next < perSecond * seconds && (1_000 * next) / perSecond <= performance.now() - from; next += 1) {
      if (underWay >= MAX_UNDER_WAY) {
        skipped += 1;
        continue;
      }
      underWay += 1;
      waiting.push(act(next).finally(() => (underWay -= 1)));
    }
  }
  await Promise.all(waiting);
  await pool.close();
  const { user, system } = process.cpuUsage(cpuBefore);
  return { answers, skipped, cpuMs: (user + system) / 1_000 };
}

/**
 * Encodes a text frame of a client, masked with zeros. The message must be short enough for a length of one byte or of
 * three bytes.
 */
function frameOf(message: object): Buffer {
  const text = Buffer.from(JSON.stringify(message));
  const length =
    text.length < 126 ? Buffer.from([0x80 | text.length]) : Buffer.from([0xfe, text.length >> 8, text.length & 255]);
  return Buffer.concat([Buffer.from([0x81]), length, Buffer.alloc(4), text]);
}

/**
 * Performs the opening handshake and sends `connection_init`. Closes the connection and resolves once it is
 * acknowledged or refused.
 */
function shakeHands(port: number, key: string): Promise<Answered> {
  const from = performance.now();
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let heard = '';
    const end = (outcome: string): void => {
      socket.destroy();
      resolve({
        kind: 'handshake',
        outcome,
        ms: performance.now() - from,
        retryAfter: /retry-after: (\d+)/i.exec(heard)?.[1] ?? null,
        jobId: null,
      });
    };
    const headers = `host: 127.0.0.1:${port}\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13`;
    socket.write(
      `GET /graphql HTTP/1.1\r\n${headers}\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: graphql-transport-ws\r\n\r\n`,
    );
    socket.setTimeout(PATIENCE_MS, () => end('TIMEOUT'));
    socket.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.name));
    socket.on('close', () => end('closed'));
    socket.on('data', (chunk) => {
      const first = heard === '';
      heard += chunk.toString('latin1');
      const status = /^HTTP\/1\.1 (\d+)/.exec(heard)?.[1];
      if (status !== '101') return end(status ?? 'no HTTP');
      if (first) socket.write(frameOf({ type: 'connection_init', payload: { authorization: `Bearer ${key}` } }));
      if (heard.includes('connection_ack')) end('101');
    });
  });
}

if (process.send) {
  process.on('message', (order: LoadOrder) => void runLoad(order).then((result) => process.send!(result)));
  process.on('disconnect', () => process.exit());
}
