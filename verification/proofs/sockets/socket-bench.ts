/** Plays the hostile cases: on one gateway, with sockets that are reset when a case is over. */
import { setTimeout } from 'node:timers/promises';
import { closeFrame } from './frames.ts';
import { dial, type DialOptions, type Message, type RawSocket } from './raw-socket.ts';

export interface Target {
  /** Without a path. */
  readonly url: string;
  readonly apiKey: string;
  /** A job of the key's account that neither changes nor ends. */
  readonly jobId: string;
}

export interface SocketBench extends Target {
  /** Starts a handshake. */
  dial(options?: DialOptions): RawSocket;
  /** Opens a socket and waits for its acknowledgment. Throws if it is not acknowledged. */
  connect(options?: DialOptions): Promise<RawSocket>;
}

export interface SocketCase {
  readonly name: string;
  /** The value with which `act` must resolve. */
  readonly expected: string;
  act(bench: SocketBench): Promise<string>;
}

/** The settings of the gateway that the cases rely on. */
export const settings = {
  SOCKET_INIT_SECONDS: '2',
  ALLOWED_HOSTS: '127.0.0.1',
  // Low limits, so that sockets that are not released are noticed soon.
  MAX_SOCKETS_PER_ADDRESS: '60',
  MAX_SOCKETS_PER_KEY: '40',
} as const;

/** Defaults of the gateway. */
export const MAX_MESSAGE_BYTES = 65_536;
export const MESSAGES_AT_ONCE = 1_000;
export const MAX_SUBSCRIPTIONS = 100;

const CASE_LIMIT_MS = 15_000;

/** Inserts a job that no process works on, because its upstream does not exist. */
export const INSERT_LASTING_JOB = `insert into jobs (id, account_id, version, state, rank, attempt, upstream_id, sandbox, image_url, video_url, mode, character_orientation, keep_original_sound, watermark, labels, input_hash, attempted_at)
  values (gen_random_uuid(), 'default', 1, 'PROCESSING', 1000, 1, 'nowhere', false, 'https://a.com/a.png', 'https://a.com/a.mp4', 'STD', 'IMAGE', true, false, '[]', 'v1:', now()) returning id`;

/** Plays one case and resolves with how it ended. Never rejects, and leaves no connection open. */
export async function play({ act }: SocketCase, target: Target): Promise<string> {
  const dialled: RawSocket[] = [];
  const open = (options?: DialOptions): RawSocket => {
    const socket = dial(target.url, options);
    dialled.push(socket);
    return socket;
  };
  const bench: SocketBench = {
    ...target,
    dial: open,
    async connect(options) {
      const socket = open(options);
      await socket.send(initOf(target));
      const first = await socket.next();
      if (first?.type !== 'connection_ack')
        throw new Error(`not acknowledged: ${first ? JSON.stringify(first) : await socket.end}`);
      return socket;
    },
  };
  const late = new AbortController();
  try {
    return await Promise.race([
      act(bench),
      setTimeout(CASE_LIMIT_MS, `nothing within ${CASE_LIMIT_MS / 1_000} s`, { signal: late.signal }),
    ]);
  } catch (error) {
    return (error as Error).message;
  } finally {
    late.abort();
    for (const socket of dialled) socket.reset();
  }
}

export const initOf = ({ apiKey }: Pick<Target, 'apiKey'>): Message => ({
  type: 'connection_init',
  payload: { authorization: `Bearer ${apiKey}` },
});

/**
 * Returns a subscription to the lasting job. By default, it asks only for versions above the job's own, so that nothing
 * arrives and the subscription does not end.
 */
export const watch = (id: unknown, { jobId }: Pick<Target, 'jobId'>, afterVersion: number | null = 1_000): Message => ({
  id,
  type: 'subscribe',
  payload: {
    query: 'subscription ($id: ID!, $after: Int) { jobUpdated(id: $id, afterVersion: $after) { version } }',
    variables: { id: jobId, after: afterVersion },
  },
});

/**
 * Checks that the socket still answers and closes properly. Resolves with `stays open` if so, otherwise with how it
 * ended.
 */
export async function outcomeOf(socket: RawSocket): Promise<string> {
  await socket.send({ type: 'ping', payload: { last: true } });
  for (let message = await socket.next(); message; message = await socket.next()) {
    if (message.type !== 'pong' || (message.payload as { last?: true } | undefined)?.last !== true) continue;
    await socket.write(closeFrame(1000));
    const end = await socket.end;
    return end === 'closed 1000' ? 'stays open' : end;
  }
  return socket.end;
}

/** Makes a case on an acknowledged socket: what is done, and then the outcome of the socket. */
export const after =
  (done: (socket: RawSocket, bench: SocketBench) => unknown) =>
  async (bench: SocketBench): Promise<string> => {
    const socket = await bench.connect();
    await done(socket, bench);
    return outcomeOf(socket);
  };

/** Makes a case that waits for the socket to end by itself, without a ping and a close at the end. */
export const untilEnd =
  (done: (socket: RawSocket, bench: SocketBench) => unknown) =>
  async (bench: SocketBench): Promise<string> => {
    const socket = await bench.connect();
    await done(socket, bench);
    return socket.end;
  };
