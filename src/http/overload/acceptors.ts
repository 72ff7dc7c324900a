/**
 * Adds handles to a listening socket, so that several connections are accepted in one turn of the event loop.
 *
 * libuv accepts one connection per handle and turn (since 1.45, Node.js 20.3). A turn of a busy instance takes
 * milliseconds, and many new clients then fill the accept queue, in which callbacks wait too. Callbacks arrive on new
 * connections, and a connection must be accepted before it is known whether it carries one. Node.js has no function
 * that duplicates a handle. A child process that receives a handle over its IPC channel and sends it back makes a
 * duplicate; the child never accepts a connection.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

export interface Acceptors {
  /**
   * Creates the handles of a listening server and resolves with their number once they accept connections. The number
   * is smaller if they are closed in the meantime. Rejects if the child process fails; the server then continues with
   * its own handle and those created so far.
   */
  add(): Promise<number>;
  /** Stops accepting connections on the handles and resolves when the connections accepted by them are closed. */
  close(): Promise<void>;
}

export interface AcceptorOptions {
  /** Number of handles to create. */
  readonly count: number;
  /** Length of the accept queue, which all handles of a socket share. */
  readonly backlog: number;
  /** Maximum number of open connections of the server in total. Further ones are closed immediately. */
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
      // Node.js compares its limit with the connections of the server's own handle only, and Node.js 20 treats 0 as no
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
      // The socket keeps listening as long as the process lives, whatever is closed here.
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

/** A libuv handle; each `net.Server` has one. */
interface Handle {
  close(): void;
}

interface Duplicator {
  duplicate(handle: Handle): Promise<Handle>;
  kill(): void;
  /** Resolves when the process has exited or failed to start. */
  readonly gone: Promise<unknown>;
}

const ECHO = "process.on('message', (message, handle) => process.send(message, handle))";
/** A process that has not finished by then is stuck. Starting it takes about 50 ms of CPU time. */
const MAX_LIFE_MS = 30_000;

function startDuplicator(): Duplicator {
  const child = spawn(process.execPath, ['-e', ECHO], {
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    // The working directory may have been deleted. Modules that NODE_OPTIONS loads into a gateway, such as a tracing
    // agent, must not be loaded here.
    cwd: '/',
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  const failed = new Promise<Error>((resolve) => child.once('error', resolve));
  const exited = new Promise<Error>((resolve) =>
    child.once('exit', () => resolve(new Error('the child process ended'))),
  );
  // Without free file descriptors, there is neither a process nor a channel.
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
