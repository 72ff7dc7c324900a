/**
 * The clients of the readers' proof, in a process of their own. They open sockets, measure what arrives, and stop
 * reading on command.
 */
import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { WebSocket } from 'ws';

interface Group {
  readonly jobIds: readonly string[];
  readonly sockets: number;
}

export type Order =
  | {
      readonly kind: 'open';
      readonly url: string;
      readonly apiKey: string;
      readonly healthy: Group;
      readonly stalling: Group;
    }
  /** The stalling readers reconnect, and read nothing beyond their first state. */
  | { readonly kind: 'stall' }
  /** Answers with the latencies since the last measurement. */
  | { readonly kind: 'measure' }
  | { readonly kind: 'finish'; readonly versions: Readonly<Record<string, number>> };

export interface Answer {
  /** From the change of the row to its arrival at the client, ms. */
  readonly latenciesMs: readonly number[];
  /** The number of healthy sockets that are open, and of those among them that lack the newest version. */
  readonly open: number;
  readonly behind: number;
}

const AT_ONCE = 50;
const HEALTHY = 'subscription ($id: ID!) { jobUpdated(id: $id) { version updatedAt } }';
/** The largest operation that the limits on aliases and repeated fields allow. */
const LARGE = `subscription ($id: ID!) { jobUpdated(id: $id) { ${Array.from({ length: 30 }, (_, index) => `a${index}: prompt`).join(' ')} } }`;

interface Reader {
  readonly socket: WebSocket;
  readonly jobId: string;
  version: number;
}

interface Next {
  readonly payload: {
    readonly data: { readonly jobUpdated: { readonly version: number; readonly updatedAt: string } };
  };
}

interface Target {
  readonly url: string;
  readonly apiKey: string;
}

const healthy: Reader[] = [];
const stalling: Reader[] = [];
let latenciesMs: number[] = [];
let openStalling: ((readOn: boolean) => Promise<void>) | undefined;

/** An overloaded gateway refuses handshakes with 503, and asks clients to retry. */
const MAX_TRIES = 60;
const RETRY_MS = 1_000;

async function connect(url: string, triesLeft = MAX_TRIES): Promise<WebSocket> {
  const socket = new WebSocket(url, 'graphql-transport-ws');
  socket.on('error', () => undefined);
  try {
    await once(socket, 'open');
    return socket;
  } catch (error) {
    if (triesLeft === 0 || !String(error).includes('503')) throw error;
    await setTimeout(RETRY_MS);
    return connect(url, triesLeft - 1);
  }
}

/** Resolves once the first state has arrived. */
async function open(
  { url, apiKey }: Target,
  query: string,
  jobId: string,
  onNext: (reader: Reader, data: Buffer) => void,
): Promise<Reader> {
  const socket = await connect(url);
  const reader: Reader = { socket, jobId, version: 0 };
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization: `Bearer ${apiKey}` } }));
  await once(socket, 'message');
  socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query, variables: { id: jobId } } }));
  await once(socket, 'message');
  socket.on('message', (data: Buffer) => onNext(reader, data));
  return reader;
}

function measure(reader: Reader, data: Buffer): void {
  const { version, updatedAt } = (JSON.parse(data.toString()) as Next).payload.data.jobUpdated;
  reader.version = version;
  latenciesMs.push(Date.now() - Date.parse(updatedAt));
}

async function openGroup(
  readers: Reader[],
  { jobIds, sockets }: Group,
  openOne: (jobId: string) => Promise<Reader>,
): Promise<void> {
  while (readers.length < sockets) {
    const count = Math.min(AT_ONCE, sockets - readers.length);
    readers.push(
      ...(await Promise.all(
        Array.from({ length: count }, (_, index) => openOne(jobIds[(readers.length + index) % jobIds.length]!)),
      )),
    );
  }
}

async function obey(order: Order): Promise<void> {
  switch (order.kind) {
    case 'open':
      await openGroup(healthy, order.healthy, (jobId) => open(order, HEALTHY, jobId, measure));
      openStalling = (readOn) =>
        openGroup(stalling, order.stalling, async (jobId) => {
          // The messages are not even parsed, because they serve only to fill buffers.
          const reader = await open(order, LARGE, jobId, () => undefined);
          if (!readOn) reader.socket.pause();
          return reader;
        });
      return openStalling(true);
    case 'stall':
      // Uses fresh connections: for a connection that was read fast, the kernels buffer twice as much, which takes
      // twice as long to fill.
      for (const { socket } of stalling.splice(0)) socket.terminate();
      return openStalling!(false);
    case 'measure':
    case 'finish':
      return;
  }
}

process.on('message', (order: Order) => {
  void obey(order).then(() => {
    const open = healthy.filter(({ socket }) => socket.readyState === socket.OPEN);
    const behind =
      order.kind === 'finish' ? open.filter(({ jobId, version }) => version !== order.versions[jobId]).length : 0;
    const answer: Answer = { latenciesMs, open: open.length, behind };
    if (order.kind !== 'finish') latenciesMs = [];
    process.send!(answer);
  });
});
process.on('disconnect', () => process.exit());
