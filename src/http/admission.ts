/**
 * Admission control: how many operations run at once, who waits, and who is refused at once. Callbacks and submits to the upstream never
 * wait here; while a callback is being settled on an instance that is late, operations wait for it.
 *
 * - As many operations run as there are slots (`slots.ts`); their number adapts to the event loop.
 * - The others wait in FIFO queues, one for each kind, of bounded length. A burst may wait as long as a client is patient. The longer a queue
 *   has not been empty, the less a new request may wait in it, down to a twentieth of that time: when more comes than can be served, waiting
 *   does not help anybody, and a refusal is to come soon (controlled delay, as in Facebook's "Fail at Scale").
 * - A request that would wait longer than half of the time that it may, judged by how fast the queue moves, is refused at once. The other half
 *   is for a queue that becomes slower: a request that is refused after it has waited has waited for nothing.
 * - While the instance is overloaded, reads and handshakes are refused at once. Submits go on waiting: refusing them saves little, and on a
 *   machine that is busy with something else they are served in time.
 */
import type { Load, Overload } from './load.ts';
import { createSlots } from './slots.ts';

export type Kind = 'submit' | 'read' | 'handshake';

export type Reason = Overload | 'QUEUE' | 'WAIT';

/** Nothing of the request was executed. */
export class OverloadedError extends Error {
  override readonly name = 'OverloadedError';
  readonly code = 'SERVICE_UNAVAILABLE';

  constructor(
    readonly reason: Reason,
    readonly retryAfterSeconds: number,
  ) {
    // Thousands of refusals per second are no faults of ours to be traced, and a stack costs half as much as the rest of a refusal.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(`The gateway is overloaded. Nothing was executed; repeat the request in ${retryAfterSeconds} s.`);
    Error.stackTraceLimit = stackTraceLimit;
  }
}

export interface AdmissionLimits {
  /** Operations that run at once. */
  readonly maxRunning: number;
  /** Operations of each kind that wait. */
  readonly maxWaiting: number;
  readonly waitMs: Readonly<Record<Kind, number>>;
}

interface AdmissionFigures {
  readonly running: number;
  readonly waiting: number;
  /** How many operations may run now. */
  readonly slots: number;
  readonly refused: readonly Refused[];
}

interface Refused {
  readonly kind: Kind | 'unknown';
  readonly reason: Reason;
  readonly count: number;
}

export interface Admission {
  /**
   * Why a request is refused before anything is done for it; null when it may go on. Its kind is null where only its body tells it. Each
   * refusal counts.
   */
  refusal(kind: Kind | null): OverloadedError | null;
  /**
   * Waits for a slot and resolves with the function that gives it back. Rejects with `OverloadedError`, and with the reason of the signal
   * when that aborts; it is asked for only when the request has to wait.
   */
  enter(kind: Kind, gone?: () => AbortSignal): Promise<() => void>;
  /** Runs work that goes before all operations: while it runs on an instance that is late by its own work, no operation begins, unless none has begun for `MAX_PRECEDENCE_MS`. */
  precede<T>(work: () => Promise<T>): Promise<T>;
  figures(): AdmissionFigures;
}

interface Waiter {
  readonly kind: Kind;
  readonly until: number;
  readonly start: () => void;
  readonly refuse: (error: Error) => void;
}

/** In this order slots are offered, again and again: a flood of one kind does not starve the others. */
const TURNS: readonly Kind[] = ['submit', 'read', 'submit', 'handshake'];
const KINDS: readonly Kind[] = ['submit', 'read', 'handshake'];

/** A twentieth of the patience is left when a queue was not empty for all of it. */
const STANDING_SHARE = 1 / 20;
/** Of the time that a request may wait, at most this share is promised by the pace of its queue. */
const PREDICTED_SHARE = 1 / 2;
/** A stream of callbacks does not stop operations for longer. */
const MAX_PRECEDENCE_MS = 50;
/** Spreads the retries of clients that were refused together. */
const RETRY_AFTER_SECONDS = { min: 2, max: 5 } as const;
/** The weight of the newest turn in the mean. */
const NEWEST = 0.1;
/** How many requests whose kind is not known yet an overloaded instance reads, to find the submits among them: at once, and in a second. */
const UNKNOWN = { atOnce: 200, perSecond: 100 } as const;

export function createAdmission(load: Load, limits: AdmissionLimits, targetDelayMs: number): Admission {
  const queues: Readonly<Record<Kind, Set<Waiter>>> = { submit: new Set(), read: new Set(), handshake: new Set() };
  const emptyAt: Record<Kind, number> = { submit: 0, read: 0, handshake: 0 };
  const refused = new Map<string, Refused>();
  const slots = createSlots(limits.maxRunning, targetDelayMs);
  let running = 0;
  let preceding = 0;
  let begunAt = -Infinity;
  let turn = 0;
  /** Between two starts of operations that had waited, on average; null until there have been two since all queues were empty. */
  let turnMs: number | null = null;
  let startedAt: number | null = null;

  let [unknownLeft, unknownAt]: [number, number] = [UNKNOWN.atOnce, performance.now()];

  const waiting = (): number => KINDS.reduce((sum, kind) => sum + queues[kind].size, 0);

  function refuse(kind: Kind | 'unknown', reason: Reason): OverloadedError {
    const key = `${kind} ${reason}`;
    const counted = refused.get(key) ?? { kind, reason, count: 0 };
    refused.set(key, { ...counted, count: counted.count + 1 });
    const { min, max } = RETRY_AFTER_SECONDS;
    return new OverloadedError(reason, min + Math.floor(Math.random() * (max - min + 1)));
  }

  /** How long a request of this kind may wait. */
  function patienceMs(kind: Kind, now: number): number {
    const patience = limits.waitMs[kind];
    if (queues[kind].size === 0) emptyAt[kind] = now;
    return Math.max(patience - (now - emptyAt[kind]), patience * STANDING_SHARE);
  }

  function takeUnknown(now: number): boolean {
    unknownLeft = Math.min(UNKNOWN.atOnce, unknownLeft + (UNKNOWN.perSecond * (now - unknownAt)) / 1_000);
    unknownAt = now;
    if (unknownLeft < 1) return false;
    unknownLeft -= 1;
    return true;
  }

  /** Whether an operation may begin now. */
  const hasSlot = (now: number): boolean => running < slots.count() && (preceding === 0 || !slots.isPressed() || now - begunAt > MAX_PRECEDENCE_MS);

  /** Why a request that came now would not be served in time. */
  function hopelessness(kind: Kind, now: number): Reason | null {
    const overload = kind === 'submit' ? null : load.overload();
    if (overload !== null) return overload;
    if (hasSlot(now) && waiting() === 0) return null;
    if (queues[kind].size >= limits.maxWaiting) return 'QUEUE';
    const share = TURNS.filter((one) => one === kind || queues[one].size === 0).length / TURNS.length;
    return (queues[kind].size * (turnMs ?? 0)) / share > PREDICTED_SHARE * patienceMs(kind, now) ? 'WAIT' : null;
  }

  function nextWaiter(): Waiter | undefined {
    for (let tried = 0; tried < TURNS.length; tried += 1) {
      const [waiter] = queues[TURNS[(turn += 1) % TURNS.length]!];
      if (waiter) return waiter;
    }
    return undefined;
  }

  function serve(): void {
    for (let now = performance.now(); hasSlot(now); now = performance.now()) {
      const waiter = nextWaiter();
      if (!waiter) {
        [startedAt, turnMs] = [null, null];
        return;
      }
      if (startedAt !== null) turnMs = turnMs === null ? now - startedAt : (1 - NEWEST) * turnMs + NEWEST * (now - startedAt);
      startedAt = now;
      waiter.start();
    }
  }

  function begin(now: number): () => void {
    running += 1;
    begunAt = now;
    slots.begun(running);
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      running -= 1;
      serve();
    };
  }

  function refuseLate(now: number): void {
    for (const kind of KINDS) {
      for (const waiter of queues[kind]) {
        if (waiter.until <= now) waiter.refuse(refuse(kind, 'WAIT'));
      }
    }
  }

  load.onSample((sample) => {
    slots.adapt(sample, running);
    refuseLate(performance.now());
    serve();
  });

  return {
    refusal(kind) {
      const now = performance.now();
      const overload = kind === null ? load.overload() : null;
      const reason = overload !== null && !takeUnknown(now) ? overload : hopelessness(kind ?? 'submit', now);
      return reason === null ? null : refuse(kind ?? 'unknown', reason);
    },

    async enter(kind, goneSignal) {
      const now = performance.now();
      const reason = hopelessness(kind, now);
      if (reason !== null) throw refuse(kind, reason);
      if (hasSlot(now) && waiting() === 0) return begin(now);
      const gone = goneSignal?.();
      gone?.throwIfAborted();
      return new Promise((resolve, reject) => {
        const leave = (): void => {
          queues[kind].delete(waiter);
          if (queues[kind].size === 0) emptyAt[kind] = performance.now();
          gone?.removeEventListener('abort', giveUp);
        };
        const waiter: Waiter = {
          kind,
          until: now + patienceMs(kind, now),
          start() {
            leave();
            resolve(begin(performance.now()));
          },
          refuse(error) {
            leave();
            reject(error);
          },
        };
        const giveUp = (): void => waiter.refuse(gone!.reason as Error);
        gone?.addEventListener('abort', giveUp, { once: true });
        queues[kind].add(waiter);
      });
    },

    async precede(work) {
      preceding += 1;
      try {
        return await work();
      } finally {
        preceding -= 1;
        serve();
      }
    },

    figures: () => ({ running, waiting: waiting(), slots: slots.count(), refused: [...refused.values()] }),
  };
}
