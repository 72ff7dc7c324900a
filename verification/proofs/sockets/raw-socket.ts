/**
 * A WebSocket client over bare TCP. It writes any bytes at any moment, and reports how the server ended the connection.
 */
import { createHash } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { CLOSE, closeFrame, frame, PING, PONG, takeFrame, TEXT, type ServerFrame } from './frames.ts';

export type Message = Readonly<Record<string, unknown>>;

/** The answer to a handshake. */
interface Answer {
  readonly status: number;
  /** Keyed by names in lowercase. */
  readonly headers: ReadonlyMap<string, string>;
}

export interface Handshake {
  readonly line?: string;
  /** In addition to those of a valid handshake, or instead of them. Null omits a header; a list repeats it. */
  readonly headers?: Readonly<Record<string, string | readonly string[] | null>>;
}

export interface DialOptions extends Handshake {
  /** Written instead of a handshake. */
  readonly raw?: Buffer;
  /** Written after the handshake, before its answer. */
  readonly behind?: Buffer;
  /** True by default: a close frame is answered with one. */
  readonly answersClose?: boolean;
}

export interface RawSocket {
  /** Null if none arrived. */
  readonly answer: Promise<Answer | null>;
  /** Resolves once there is room for more, or once the connection has ended. */
  write(bytes: Buffer): Promise<void>;
  /** Writes a message in one text frame. */
  send(message: Message | string): Promise<void>;
  /** Returns the oldest message that was not yet taken, or waits for the next one; null if there are no more. */
  next(): Promise<Message | null>;
  /** Does the same for the payloads of pongs. */
  nextPong(): Promise<Buffer | null>;
  /** Returns true if the connection has ended, or the server has announced its end. */
  isEnding(): boolean;
  /** Closes the client's half of the connection without a close frame. */
  finish(): void;
  /** Resets the connection. */
  reset(): void;
  /**
   * How the connection ended, once the server has released it: `closed <code>`, `HTTP <status>`, or `cut off` without
   * either.
   */
  readonly end: Promise<string>;
}

const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';
const ACCEPT = createHash('sha1').update(`${KEY}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
const NO_CODE = 1005;

export function handshakeOf(url: string, { line = 'GET /graphql HTTP/1.1', headers = {} }: Handshake = {}): Buffer {
  const all = {
    host: new URL(url).host,
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-key': KEY,
    'sec-websocket-version': '13',
    'sec-websocket-protocol': 'graphql-transport-ws',
    ...headers,
  };
  const lines = Object.entries(all).flatMap(([name, value]) =>
    value === null ? [] : [value].flat().map((one) => `${name}: ${one}`),
  );
  return Buffer.from([line, ...lines, '', ''].join('\r\n'));
}

/** Opens a connection and starts a handshake. */
export function dial(url: string, { raw, behind, answersClose = true, ...handshake }: DialOptions = {}): RawSocket {
  const socket: Socket = connect({
    host: '127.0.0.1',
    port: Number(new URL(url).port),
    allowHalfOpen: true,
    noDelay: true,
  });
  const messages = createQueue<Message>();
  const pongs = createQueue<Buffer>();
  const answer = createQueue<Answer>();
  let bytes: Buffer = Buffer.alloc(0);
  let open = false;
  let said: string | undefined;

  function say(what: string): void {
    said ??= what;
    answer.close();
    messages.close();
    pongs.close();
  }

  function takeAnswer(): boolean {
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) return false;
    const [line = '', ...lines] = bytes.subarray(0, end).toString('latin1').split('\r\n');
    const headers = new Map(
      lines.map((text) => [text.slice(0, text.indexOf(':')).toLowerCase(), text.slice(text.indexOf(':') + 1).trim()]),
    );
    const status = Number(line.split(' ')[1]);
    bytes = bytes.subarray(end + 4);
    open = status === 101 && headers.get('sec-websocket-accept') === ACCEPT;
    answer.push({ status, headers });
    if (open) return true;
    say(`HTTP ${status}`);
    socket.destroy();
    return false;
  }

  function take({ opcode, payload }: ServerFrame): void {
    // RFC 6455 section 5.5.1: no data may follow a close frame.
    if (said !== undefined) said += ', and more came behind it';
    else if (opcode === TEXT) messages.push(JSON.parse(payload.toString()) as Message);
    else if (opcode === PONG) pongs.push(Buffer.from(payload));
    else if (opcode === PING) void write(frame(PONG, payload));
    else if (opcode === CLOSE) {
      const code = payload.length >= 2 ? payload.readUInt16BE(0) : NO_CODE;
      say(`closed ${code}`);
      if (answersClose && socket.writable) socket.write(code === NO_CODE ? frame(CLOSE) : closeFrame(code));
    }
  }

  function takeAll(): void {
    if (!open && !takeAnswer()) return;
    for (let taken = takeFrame(bytes); taken; taken = takeFrame(bytes)) {
      bytes = taken.rest;
      take(taken.frame);
    }
  }

  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk]);
    try {
      takeAll();
    } catch (error) {
      say(`not understood: ${(error as Error).message}`);
      socket.destroy();
    }
  });
  socket.on('error', () => undefined);
  socket.on('end', () => socket.end());
  const end = new Promise<string>((resolve) =>
    socket.once('close', () => {
      say('cut off');
      resolve(said!);
    }),
  );

  async function write(data: Buffer): Promise<void> {
    if (!socket.writable || socket.write(data)) return;
    await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), end]);
  }
  void write(Buffer.concat([raw ?? handshakeOf(url, handshake), behind ?? Buffer.alloc(0)]));

  return {
    answer: answer.next(),
    write,
    send: (message) => write(frame(TEXT, typeof message === 'string' ? message : JSON.stringify(message))),
    next: messages.next,
    nextPong: pongs.next,
    isEnding: () => said !== undefined,
    finish: () => void socket.end(),
    reset: () => void socket.resetAndDestroy(),
    end,
  };
}

/** Creates a queue of items that have arrived and were not yet taken. Readers that wait when it is closed get null. */
function createQueue<T>() {
  const items: T[] = [];
  const takers: ((item: T | null) => void)[] = [];
  let closed = false;
  return {
    push(item: T): void {
      const taker = takers.shift();
      if (taker) taker(item);
      else items.push(item);
    },
    next: (): Promise<T | null> => {
      const item = items.shift();
      if (item !== undefined || closed) return Promise.resolve(item ?? null);
      return new Promise((resolve) => takers.push(resolve));
    },
    close(): void {
      closed = true;
      for (const taker of takers.splice(0)) taker(null);
    },
  };
}
