/**
 * A connection pool with its own FIFO queue. It separates limits that `pg.Pool` combines: how long a caller waits while
 * the pool hands out connections (it is busy), how long while it does not (the database is unavailable), and how long a
 * handshake may take. On an overloaded machine a handshake takes longer than most callers wait. If it were aborted with
 * its caller, the next caller would start another one, and no connection would ever be established.
 */
import pg from 'pg';

type Callback = (
  error: Error | undefined,
  client: pg.PoolClient | undefined,
  release: (error?: Error | boolean) => void,
) => void;

/** The limits on a caller's wait for a connection. */
export interface Patience {
  readonly waitMs: number;
  /** The caller gives up earlier if the pool has handed out no connection for this long. */
  readonly stallMs: number;
}

export interface PoolLimits {
  /** The default limit on a caller's wait for a connection, whether or not the pool hands out connections. */
  readonly waitMs: number;
  /** The time limit for a handshake. If its caller has given up by then, the connection goes to the next caller. */
  readonly handshakeMs: number;
}

interface Waiter extends Patience {
  readonly since: number;
  readonly callback: Callback;
  timer?: NodeJS.Timeout;
}

const TIMED_OUT = 'timeout exceeded when trying to connect';

export class PatientPool extends pg.Pool {
  readonly #waitMs: number;
  /** Waiters without a connection, oldest first: those in the queue and those whose handshake is in progress. */
  readonly #waiting = new Set<Waiter>();
  readonly #queue = new Set<Waiter>();
  #borrowed = 0;
  #serving = false;
  #longestWaitMs = 0;
  #handedOutAt = -Infinity;

  constructor(config: pg.PoolConfig, { waitMs, handshakeMs }: PoolLimits) {
    super({ ...config, connectionTimeoutMillis: handshakeMs });
    this.#waitMs = waitMs;
    this.on('release', () => {
      this.#borrowed -= 1;
      // `pg.Pool` emits this event before it removes a broken connection. A connect in between would put the waiter
      // into the queue of `pg.Pool`, which has one limit for waiting and handshake together, and which emits a second
      // `release` when a waiter has timed out.
      process.nextTick(() => this.#serve());
    });
  }

  /** Returns the longest wait for a connection since the last call, including waits in progress. */
  takeLongestWaitMs(): number {
    const [oldest] = this.#waiting;
    const longest = Math.max(this.#longestWaitMs, oldest ? performance.now() - oldest.since : 0);
    this.#longestWaitMs = 0;
    return longest;
  }

  override connect(): Promise<pg.PoolClient>;
  override connect(callback: Callback): void;
  override connect(callback?: Callback): Promise<pg.PoolClient> | void {
    const patience = { waitMs: this.#waitMs, stallMs: this.#waitMs };
    return callback ? this.connectWithin(patience, callback) : this.connectWithin(patience);
  }

  /** Connects within the limits of the caller. */
  connectWithin(patience: Patience): Promise<pg.PoolClient>;
  connectWithin(patience: Patience, callback: Callback): void;
  connectWithin(patience: Patience, callback?: Callback): Promise<pg.PoolClient> | void {
    if (!callback) {
      return new Promise((resolve, reject) => {
        this.connectWithin(patience, (error, client) =>
          client ? resolve(client) : reject(error ?? new Error('no connection')),
        );
      });
    }
    const waiter: Waiter = { ...patience, since: performance.now(), callback };
    this.#waiting.add(waiter);
    this.#queue.add(waiter);
    this.#limit(waiter);
    this.#serve();
  }

  /** Fails the waiter when it reaches a limit. `stallMs` starts again whenever a connection is handed out. */
  #limit(waiter: Waiter): void {
    const leftMs = this.#untilOf(waiter) - performance.now();
    if (leftMs <= 0) this.#fail(waiter, new Error(TIMED_OUT));
    else waiter.timer = setTimeout(() => this.#limit(waiter), Math.ceil(leftMs));
  }

  #untilOf({ since, waitMs, stallMs }: Waiter): number {
    return Math.min(since + waitMs, Math.max(since, this.#handedOutAt) + stallMs);
  }

  /** Hands out connections while there are both waiters and connections. */
  #serve(): void {
    // A pool that has ended rejects synchronously, and thousands of waiters would cause as many nested calls.
    if (this.#serving) return;
    this.#serving = true;
    for (const waiter of this.#queue) {
      if (this.#borrowed >= this.options.max) break;
      this.#queue.delete(waiter);
      this.#borrowed += 1;
      super.connect((error, client, release) => {
        if (error) {
          this.#borrowed -= 1;
          this.#retryOrFail(waiter, error);
          this.#serve();
        } else if (this.#waiting.has(waiter)) {
          this.#handedOutAt = performance.now();
          this.#leave(waiter);
          waiter.callback(undefined, client, release);
        } else {
          release();
        }
      });
    }
    this.#serving = false;
  }

  /** Queues the waiter again if its handshake timed out and it may wait for another one, and otherwise fails it. */
  #retryOrFail(waiter: Waiter, error: Error): void {
    if (!this.#waiting.has(waiter)) return;
    const timedOut = error.message.includes('due to connection timeout');
    if (timedOut && performance.now() < this.#untilOf(waiter)) this.#queue.add(waiter);
    else this.#fail(waiter, error);
  }

  #fail(waiter: Waiter, error: Error): void {
    if (!this.#waiting.has(waiter)) return;
    this.#leave(waiter);
    waiter.callback(error, undefined, () => undefined);
  }

  #leave(waiter: Waiter): void {
    clearTimeout(waiter.timer);
    this.#waiting.delete(waiter);
    this.#queue.delete(waiter);
    this.#longestWaitMs = Math.max(this.#longestWaitMs, performance.now() - waiter.since);
  }
}
