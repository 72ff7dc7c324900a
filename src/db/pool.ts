/**
 * A pool whose waiters give up before its handshakes do. On a starved machine a handshake takes longer than anybody may wait; if
 * it were cut off with its waiter, the next waiter would begin another one, and no connection would ever stand, although the server is there.
 */
import pg from 'pg';

type Callback = (error: Error | undefined, client: pg.PoolClient | undefined, release: (error?: Error | boolean) => void) => void;

export interface PoolLimits {
  /** How long a caller waits for a connection. */
  readonly waitMs: number;
  /** How long a handshake may take; the connection that comes of it is the next caller's. */
  readonly handshakeMs: number;
}

export class PatientPool extends pg.Pool {
  readonly #waitMs: number;

  constructor(config: pg.PoolConfig, { waitMs, handshakeMs }: PoolLimits) {
    super({ ...config, connectionTimeoutMillis: handshakeMs });
    this.#waitMs = waitMs;
  }

  override connect(): Promise<pg.PoolClient>;
  override connect(callback: Callback): void;
  override connect(callback?: Callback): Promise<pg.PoolClient> | void {
    if (!callback) return new Promise((resolve, reject) => this.connect((error, client) => (client ? resolve(client) : reject(error ?? new Error('no connection')))));
    let waiting = true;
    const timer = setTimeout(() => {
      waiting = false;
      callback(new Error('timeout exceeded when trying to connect'), undefined, () => undefined);
    }, this.#waitMs);
    super.connect((error, client, release) => {
      clearTimeout(timer);
      if (waiting) callback(error, client, release);
      // Later: the pool hands it to the next waiter at once, and thousands that have given up would be as many calls inside each other.
      else if (client) setImmediate(release);
    });
  }
}
