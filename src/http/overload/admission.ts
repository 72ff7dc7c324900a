/**
 * Admission control: how many operations run at once, who waits, and who is refused at once. Callbacks and submits to
 * the upstream never wait here; while a callback is being settled on an instance that is late, operations wait for it.
 *
 * - As many operations run as there are slots (`slots.ts`); their number adapts to the event loop.
 * - The others wait in FIFO queues, one for each kind, of bounded length. A burst may wait as long as a client is
 *   patient. The longer a queue has been non-empty, the shorter a new request may wait in it: when more arrives than
 *   can be served, a long wait does not help, and clients need a quick refusal (controlled delay, as in Facebook's
 *   "Fail at Scale"). The time has a lower bound, because a few clients that send their next request as soon as they
 *   are answered keep a queue non-empty too, and can be served without a refusal.
 * - A request that would wait longer than half of the time that it may, judged by how fast the queue moves, is refused
 *   at once. The other half is a reserve for a queue that becomes slower, so that few requests are refused after they
 *   have waited.
 * - While the instance is overloaded, reads and handshakes are refused at once. Submits go on waiting: refusing them
 *   saves little, and on a machine that is busy with something else they are served in time.
 */
import { GatewayError } from '../../errors.ts';
import type { Load, Overload } from './load.ts';
import { createSlots } from './slots.ts';

export type Kind = 'submit' | 'read' | 'handshake';

export type Reason = Overload | 'QUEUE' | 'WAIT';

/** Nothing of the request was executed. */
export class OverloadedError extends GatewayError {
  override readonly name = 'OverloadedError';

  constructor(
    readonly reason: Reason,
    retryAfterSeconds: number,
  ) {
    // A refusal is not a fault to trace: capturing stacks took 4 % of the CPU time at 3,000 requests per second.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    const message = `The gateway is overloaded. Nothing was executed; repeat the request in ${retryAfterSeconds} s.`;
    super('SERVICE_UNAVAILABLE', message, { retryAfterSeconds });
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
   * Why a request is refused before anything is done for it; null when it may go on. Its kind is null where only its
   * body tells it. Each refusal counts.
   */
  refusal(kind: Kind | null): OverloadedError | null;
  /**
   * Waits for a slot and resolves with the function that gives it back. Rejects with `OverloadedError`, and with the
   * reason of the signal when that aborts; it is asked for only when the request has to wait.
   */
  enter(kind: Kind, gone?: () => AbortSignal): Promise<() => void>;
  /**
   * Runs work that has priority over operations. On an instance whose event loop was late within the last second, no
   * operation starts during the first 50 ms of the work, unless none has started for 50 ms.
   */
  prioritize<T>(work: () => Promise<T>): Promise<T>;
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

/**
 * Which share of the patience is left when a queue was not empty for all of it. A refused submit has to be sent again,
 * with its body. With a twentieth, 24 REST clients at two instances were refused 278 of 5,000 submits while other
 * processes kept the machine busy.
 */
const STANDING_SHARE: Readonly<Record<Kind, number>> = { submit: 1 / 2, read: 1 / 4, handshake: 1 / 4 };
/** The wait that the pace of the queue predicts may take this share of the time that a request may wait. */
const PREDICTED_SHARE = 1 / 2;
/** Callbacks hold operations back for no longer than this. */
const MAX_PRIORITY_MS = 50;
/** Spreads the retries of clients that were refused together. */
const RETRY_AFTER_SECONDS = { min: 2, max: 5 } as const;
/** The weight of the newest turn in the mean. */
const NEWEST = 0.1;
/**
 * Turns after which the mean is used. The first turns of a cold instance on a busy machine took more than 0.3 s each,
 * and a prediction by one of them refused ten of a burst of 100 submits, all of which would have been served in time.
 */
const MIN_TURNS = 10;
/** How many bodies are read to find out the kind, while one kind would be refused: at once, and per second. */
const UNKNOWN = { atOnce: 200, perSecond: 100 } as const;

export function createAdmission(load: Load, limits: AdmissionLimits, targetDelayMs: number): Admission {
  const queues: Readonly<Record<Kind, Set<Waiter>>> = { submit: new Set(), read: new Set(), handshake: new Set() };
  const emptyAt: Record<Kind, number> = { submit: 0, read: 0, handshake: 0 };
  const refused = new Map<string, Refused>();
  const slots = createSlots(limits.maxRunning, targetDelayMs);
  let running = 0;
  /** Callbacks that are being settled, in the order of their start. */
  const prioritized: { readonly at: number; ended: boolean }[] = [];
  let begunAt = -Infinity;
  let turn = 0;
  /**
   * The mean time between two starts of operations that had waited, and over how many such turns since all queues were
   * empty.
   */
  let turnMs = 0;
  let turns = 0;
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
    return Math.max(patience - (now - emptyAt[kind]), patience * STANDING_SHARE[kind]);
  }

  function takeUnknown(now: number): boolean {
    unknownLeft = Math.min(UNKNOWN.atOnce, unknownLeft + (UNKNOWN.perSecond * (now - unknownAt)) / 1_000);
    unknownAt = now;
    if (unknownLeft < 1) return false;
    unknownLeft -= 1;
    return true;
  }

  /**
   * Whether operations wait for a callback. A callback that takes longer waits for something other than the event loop,
   * such as a connection.
   */
  function isHeldBack(now: number): boolean {
    const newest = prioritized.at(-1);
    return (
      newest !== undefined && slots.wasLate() && now - newest.at <= MAX_PRIORITY_MS && now - begunAt <= MAX_PRIORITY_MS
    );
  }

  /** Whether an operation may begin now. */
  const hasSlot = (now: number): boolean => running < slots.count() && !isHeldBack(now);

  /** Why a request that came now would not be served in time. */
  function refusalReason(kind: Kind, now: number): Reason | null {
    const overload = kind === 'submit' ? null : load.overload();
    if (overload !== null) return overload;
    if (hasSlot(now) && waiting() === 0) return null;
    if (queues[kind].size >= limits.maxWaiting) return 'QUEUE';
    const share = TURNS.filter((one) => one === kind || queues[one].size === 0).length / TURNS.length;
    const predictedMs = turns < MIN_TURNS ? 0 : (queues[kind].size * turnMs) / share;
    return predictedMs > PREDICTED_SHARE * patienceMs(kind, now) ? 'WAIT' : null;
  }

  /**
   * Whether a request is a mutation is in its body. While only one of the two kinds would be served, a limited number
   * of bodies is read.
   */
  function refusalReasonOfUnknown(now: number): Reason | null {
    const [submit, read] = [refusalReason('submit', now), refusalReason('read', now)];
    if (submit === null && read === null) return null;
    return (submit === null || read === null) && takeUnknown(now) ? null : (read ?? submit);
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
        [startedAt, turnMs, turns] = [null, 0, 0];
        return;
      }
      if (startedAt !== null) {
        turns += 1;
        turnMs += Math.max(NEWEST, 1 / turns) * (now - startedAt - turnMs);
      }
      startedAt = now;
      waiter.start();
    }
  }

  function begin(now: number): () => void {
    running += 1;
    begunAt = now;
    slots.noteStart(running);
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
    const now = performance.now();
    slots.adapt(sample, running, now - begunAt);
    refuseLate(now);
    serve();
  });

  return {
    refusal(kind) {
      const now = performance.now();
      const reason = kind === null ? refusalReasonOfUnknown(now) : refusalReason(kind, now);
      return reason === null ? null : refuse(kind ?? 'unknown', reason);
    },

    async enter(kind, goneSignal) {
      const now = performance.now();
      const reason = refusalReason(kind, now);
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

    async prioritize(work) {
      const callback = { at: performance.now(), ended: false };
      prioritized.push(callback);
      try {
        return await work();
      } finally {
        callback.ended = true;
        while (prioritized.at(-1)?.ended) prioritized.pop();
        serve();
      }
    },

    figures: () => ({ running, waiting: waiting(), slots: slots.count(), refused: [...refused.values()] }),
  };
}
