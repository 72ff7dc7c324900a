/**
 * Admission control: decides which operations run, which wait, and which are refused immediately. Callbacks and submits
 * to the upstream never wait here. While a callback is being settled on an instance whose event loop is late,
 * operations wait for it.
 *
 * - As many operations run at once as there are slots (`slots.ts`); their number adapts to the event loop.
 * - The others wait in FIFO queues of bounded length, one for each kind. A burst may wait as long as a client is
 *   patient. The longer a queue has been non-empty, the shorter a new request may wait in it: when requests arrive
 *   faster than they can be served, a long wait does not help, and clients need a quick refusal (controlled delay, as
 *   in Facebook's "Fail at Scale"). This time has a lower bound: a few clients that send their next request as soon as
 *   they get a response also keep a queue non-empty, and can be served without a refusal.
 * - A request is refused immediately if, at the pace of the queue, it would wait longer than half of the time that it
 *   may. The other half is a reserve in case the queue slows down, so that few requests are refused after they have
 *   waited.
 * - While the instance is overloaded, reads and handshakes are refused immediately. Submits continue to wait: refusing
 *   them saves little, and on a machine that is busy with other work they are served in time.
 */
import type { Load } from './load.ts';
import { OverloadedError, type Kind, type Reason } from './overloaded-error.ts';
import { createPriority } from './priority.ts';
import { createSlots } from './slots.ts';

export interface AdmissionLimits {
  /** Maximum number of operations that run at once. */
  readonly maxRunning: number;
  /** Maximum number of operations of each kind that wait. */
  readonly maxWaiting: number;
  readonly waitMs: Readonly<Record<Kind, number>>;
}

interface AdmissionFigures {
  readonly running: number;
  readonly waiting: number;
  /** Number of operations that may currently run at once. */
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
   * Returns the error to refuse a request with before any work is done for it, or null if the request may continue.
   * `kind` is null if only the body reveals it. Each refusal is counted.
   */
  refusal(kind: Kind | null): OverloadedError | null;
  /**
   * Waits for a slot and resolves with the function that releases it. Rejects with `OverloadedError`, or with the
   * reason of the signal if it aborts. `gone` is called only if the request has to wait.
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

/** Order in which slots are offered, over and over, so that a flood of one kind does not starve the others. */
const TURNS: readonly Kind[] = ['submit', 'read', 'submit', 'handshake'];
const KINDS: readonly Kind[] = ['submit', 'read', 'handshake'];

/**
 * The share of the maximum wait that remains when a queue has been non-empty for all of it. A refused submit has to be
 * sent again with its body. With a twentieth, 24 REST clients of two instances got 278 of 5,000 submits refused while
 * other processes kept the machine busy.
 */
const STANDING_SHARE: Readonly<Record<Kind, number>> = { submit: 1 / 2, read: 1 / 4, handshake: 1 / 4 };
/** Maximum predicted wait, at the pace of the queue, as a share of the time that a request may wait. */
const PREDICTED_SHARE = 1 / 2;
/** Range of `Retry-After`, which spreads the retries of clients that were refused together. */
const RETRY_AFTER_SECONDS = { min: 2, max: 5 } as const;
/** Weight of the newest turn in the mean. */
const NEWEST = 0.1;
/**
 * Number of turns after which the mean is used. The first turns of a cold instance on a busy machine took more than
 * 0.3 s each. A prediction from one of them refused ten of a burst of 100 submits, all of which would have been served
 * in time.
 */
const MIN_TURNS = 10;
/** Limits on the bodies that are read to find out the kind while one kind would be refused: at once, and per second. */
const UNKNOWN = { atOnce: 200, perSecond: 100 } as const;

export function createAdmission(load: Load, limits: AdmissionLimits, targetDelayMs: number): Admission {
  const queues: Readonly<Record<Kind, Set<Waiter>>> = { submit: new Set(), read: new Set(), handshake: new Set() };
  const emptyAt: Record<Kind, number> = { submit: 0, read: 0, handshake: 0 };
  const refused = new Map<string, Refused>();
  const slots = createSlots(limits.maxRunning, targetDelayMs);
  let running = 0;
  const priority = createPriority(serve);
  let begunAt = -Infinity;
  let turn = 0;
  /**
   * Mean time between two starts of operations that had waited, and the number of such turns since all queues were last
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

  /** Returns how long a request of this kind may wait. */
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

  /** Returns true if an operation may start now. */
  const hasSlot = (now: number): boolean =>
    running < slots.count() && !(slots.wasLate() && priority.holdsBack(now, begunAt));

  /** Returns the reason why a request that arrives now would not be served in time, or null if it would. */
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
   * Returns the reason to refuse a request, or null, when only its body shows whether it is a mutation. While only one
   * of the two kinds would be served, a limited number of bodies is read.
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

    prioritize: priority.prioritize,

    figures: () => ({ running, waiting: waiting(), slots: slots.count(), refused: [...refused.values()] }),
  };
}
