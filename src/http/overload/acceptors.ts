/**
 * Further handles of a listening socket, so that several connections are accepted in one turn of the event loop.
 *
 * libuv accepts one connection for each handle and turn (since 1.45, Node.js 20.3). Turns of a busy instance take
 * milliseconds, and a crowd of new clients then fills the accept queue, where callbacks wait too: they come on new
 * connections, and which connection carries one is known only after it was accepted. Node.js has no function that
 * duplicates a handle. A child process that receives one over its channel and sends it back makes a duplicate; the
 * child never accepts a connection.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

export interface Acceptors {
  /**
   * Makes the handles of a server that listens, and resolves with their number when they accept; it is smaller if they
   * are closed meanwhile. Rejects when the child process fails; the server goes on with its own handle and those made
   * so far.
   */
  add(): Promise<number>;
  /** Accepts no more connections by them, and resolves when those that came by them are closed. */
  close(): Promise<void>;
}

export interface AcceptorOptions {
  /** How many handles are made. */
  readonly count: number;
  /** The length of the accept queue, which all handles of a socket share. */
  readonly backlog: number;
  /** Connections of the server in all. Further ones are closed at once. */
  readonly maxConnections: number;
}

export function createAcceptors(server: Server, { count, backlog, maxConnections }: AcceptorOptions): Acceptors {
  const acceptors: Server[] = [];
  let open = 0;
  let openByAcceptors = 0;
  let making: { readonly kill: () => void; readonly ended: Promise<unknown> } | null = null;
  let closed: Promise<void> | null = null;

  server.maxConnections = maxConnections;
  server.on('connection', (socket) => {
    open += 1;
    socket.once('close', () => (open -= 1));
  });

  function take(socket: Socket): void {
    if (open >= maxConnections) return void socket.destroy();
    const change = (by: number): void => {
      openByAcceptors += by;
      // Node.js compares its limit with the connections of the server's own handle, and Node.js 20 takes 0 for no
      // limit.
      server.maxConnections = maxConnections - openByAcceptors || -1;
    };
    change(1);
    socket.once('close', () => change(-1));
    server.emit('connection', socket);
  }

  async function make({ duplicate, kill, gone }: Duplicator): Promise<number> {
    try {
      while (acceptors.length < count && server.listening && !closed) {
        const handle = await duplicate((server as unknown as { readonly _handle: Handle })._handle);
        if (closed) {
          handle.close();
          break;
        }
        const acceptor = createServer({ allowHalfOpen: true, noDelay: true }, take);
        acceptors.push(acceptor);
        await once(acceptor.listen(handle, backlog), 'listening');
      }
    } catch (error) {
      if (!closed) throw error;
    } finally {
      kill();
      // As long as the process lives the socket listens, whatever is closed here.
      await gone;
    }
    return acceptors.length;
  }

  return {
    async add() {
      if (closed) return 0;
      const duplicator = startDuplicator();
      const made = make(duplicator);
      making = { kill: duplicator.kill, ended: made.catch(() => undefined) };
      return made;
    },

    close: () =>
      (closed ??= (async () => {
        making?.kill();
        const closing = acceptors
          .filter(({ listening }) => listening)
          .map((acceptor) => once(acceptor.close(), 'close'));
        await Promise.all([making?.ended, ...closing]);
      })()),
  };
}

/** A handle of libuv, of which `net.Server` has one. */
interface Handle {
  close(): void;
}

interface Duplicator {
  duplicate(handle: Handle): Promise<Handle>;
  kill(): void;
  /** Resolves when the process has ended, or was never there. */
  readonly gone: Promise<unknown>;
}

const ECHO = "process.on('message', (message, handle) => process.send(message, handle))";
/** A process that has not done its work by then is stuck. Its start takes some 50 ms of CPU time. */
const MAX_LIFE_MS = 30_000;

function startDuplicator(): Duplicator {
  const child = spawn(process.execPath, ['-e', ECHO], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    // The working directory may be deleted, and what NODE_OPTIONS loads into a gateway, such as a tracing agent, has no
    // business here.
    cwd: '/',
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  const failed = new Promise<Error>((resolve) => child.once('error', resolve));
  const exited = new Promise<Error>((resolve) =>
    child.once('exit', () => resolve(new Error('the child process ended'))),
  );
  // Without free descriptors there is no process, and no channel.
  const isRunning = child.pid !== undefined;
  const limit = isRunning ? setTimeout(() => child.kill('SIGKILL'), MAX_LIFE_MS).unref() : undefined;
  void exited.then(() => clearTimeout(limit));
  let taker: ((handle: Handle) => void) | null = null;
  child.on('message', (_message, handle) => {
    const duplicate = handle as unknown as Handle;
    if (taker) taker(duplicate);
    else duplicate.close();
  });
  return {
    duplicate: (handle) =>
      new Promise<Handle>((resolve, reject) => {
        taker = resolve;
        void Promise.race([failed, exited]).then(reject);
        if (isRunning) child.send('duplicate', handle as unknown as Server, (error) => error && reject(error));
      }).finally(() => (taker = null)),
    kill: () => void (isRunning && child.kill('SIGKILL')),
    gone: isRunning ? exited : failed,
  };
}
