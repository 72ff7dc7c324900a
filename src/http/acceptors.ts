/**
 * Further handles of a listening socket, so that several connections are accepted in one turn of the event loop.
 *
 * libuv accepts one connection for each handle and turn (since 1.45, Node.js 20.3). Turns of a busy instance take milliseconds, and a crowd of new
 * clients then fills the accept queue, where callbacks wait too: they come on new connections, and which connection carries one is known only after
 * it was accepted. Node.js has no function that duplicates a handle. A child process that receives one over its channel and sends it back makes a
 * duplicate; the child never accepts a connection.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

export interface Acceptors {
  /** Makes the handles of a server that listens, and resolves when they accept. Rejects when the child process fails; the server then goes on with its own handle. */
  add(): Promise<void>;
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

const ECHO = "process.on('message', (message, handle) => process.send(message, handle))";
/** A child that has not answered by then does not answer. A start takes some 50 ms of CPU time. */
const CHILD_MS = 30_000;

export function createAcceptors(server: Server, { count, backlog, maxConnections }: AcceptorOptions): Acceptors {
  const acceptors: Server[] = [];
  let open = 0;
  let openByAcceptors = 0;
  let closing = false;
  let making = Promise.resolve();

  server.maxConnections = maxConnections;
  server.on('connection', (socket) => {
    open += 1;
    socket.once('close', () => (open -= 1));
  });

  function take(socket: Socket): void {
    if (open >= maxConnections) return void socket.destroy();
    // Node.js compares its limit with the connections of the server's own handle.
    server.maxConnections = maxConnections - ++openByAcceptors;
    socket.once('close', () => (server.maxConnections = maxConnections - --openByAcceptors));
    server.emit('connection', socket);
  }

  async function make(): Promise<void> {
    const child = spawn(process.execPath, ['-e', ECHO], { stdio: ['ignore', 'ignore', 'ignore', 'ipc'], timeout: CHILD_MS });
    const failure = once(child, 'error').then(([error]) => Promise.reject(error as Error));
    const exit = once(child, 'exit');
    const end = exit.then(() => Promise.reject(new Error('the child process ended')));
    try {
      while (acceptors.length < count && server.listening && !closing) {
        const answer = once(child, 'message');
        child.send('duplicate', (server as unknown as { readonly _handle: Server })._handle);
        const [, handle] = (await Promise.race([answer, failure, end])) as [unknown, object];
        const acceptor = createServer({ allowHalfOpen: true, noDelay: true }, take);
        acceptors.push(acceptor);
        await once(acceptor.listen(handle, backlog), 'listening');
      }
    } finally {
      end.catch(() => undefined);
      failure.catch(() => undefined);
      child.kill('SIGKILL');
      // As long as the child lives the socket listens, whatever is closed here.
      if (child.pid !== undefined) await exit;
    }
  }

  const add = (): Promise<void> => (making = make());

  async function close(): Promise<void> {
    closing = true;
    await making.catch(() => undefined);
    await Promise.all(acceptors.filter(({ listening }) => listening).map((acceptor) => once(acceptor.close(), 'close')));
  }

  return { add, close };
}
