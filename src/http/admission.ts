/**
 * Admission control: how many operations run at once, who waits, and who is refused at once. Callbacks and submits to the upstream never
 * pass here.
 *
 * - At most `maxRunning` operations run. The number adapts to the event loop, ten times a second: it falls by a quarter while the loop is
 *   late by its own work, and rises by one otherwise. When other processes make the loop late, running less would not help.
 * - The others wait in FIFO queues, one for each kind, of bounded length. A burst may wait as long as a client is patient. When a queue
 *   was not empty for that long, more comes than can be served, and waiting does not help anybody: then a request may wait only a
 *   twentieth of that time (controlled delay, as in Facebook's "Fail at Scale").
 * - A request that would wait longer than it may, judged by how fast the queue moves, is refused at once.
 * - While the instance is overloaded, reads and handshakes are refused at once. Submits go on waiting: refusing them saves little, and on a
 *   machine that is busy with something else they are served in time.
 */
import type { Load, Overload } from './load.ts';

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
    super(`The gateway is overloaded. Nothing was executed; repeat the request in ${retryAfterSeconds} s.`);
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

const MIN_SLOTS = 4;
const DECREASE = 0.75;
/** A loop that waits for events for a fifth of its time is not late by its own work. */
const MAX_UTILIZATION = 0.8;
/** A twentieth of the patience is left when a queue was not empty for all of it. */
const STANDING_SHARE = 1 / 20;
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
  let slots = limits.maxRunning;
  let running = 0;
  let turn = 0;
  /** Between two starts of operations that had waited, on average; null before the first. */
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
    return now - emptyAt[kind] > patience ? patience * STANDING_SHARE : patience;
  }

  function takeUnknown(now: number): boolean {
    unknownLeft = Math.min(UNKNOWN.atOnce, unknownLeft + (UNKNOWN.perSecond * (now - unknownAt)) / 1_000);
    unknownAt = now;
    if (unknownLeft < 1) return false;
    unknownLeft -= 1;
    return true;
  }

  /** Why a request that came now would not be served in time. */
  function hopelessness(kind: Kind, now: number): Reason | null {
    const overload = kind === 'submit' ? null : load.overload();
    if (overload !== null) return overload;
    if (running < slots && waiting() === 0) return null;
    if (queues[kind].size >= limits.maxWaiting) return 'QUEUE';
    const share = TURNS.filter((one) => one === kind || queues[one].size === 0).length / TURNS.length;
    return (queues[kind].size * (turnMs ?? 0)) / share > patienceMs(kind, now) ? 'WAIT' : null;
  }

  function nextWaiter(): Waiter | undefined {
    for (let tried = 0; tried < TURNS.length; tried += 1) {
      const [waiter] = queues[TURNS[(turn += 1) % TURNS.length]!];
      if (waiter) return waiter;
    }
    return undefined;
  }

  function serve(): void {
    while (running < slots) {
      const waiter = nextWaiter();
      if (!waiter) {
        startedAt = null;
        return;
      }
      const now = performance.now();
      if (startedAt !== null) turnMs = turnMs === null ? now - startedAt : (1 - NEWEST) * turnMs + NEWEST * (now - startedAt);
      startedAt = now;
      waiter.start();
    }
  }

  function begin(): () => void {
    running += 1;
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

  load.onSample(({ delayMs, utilization }) => {
    const isLate = delayMs > targetDelayMs && utilization > MAX_UTILIZATION;
    if (isLate) slots = Math.max(Math.min(MIN_SLOTS, limits.maxRunning), Math.floor(slots * DECREASE));
    else slots = Math.min(limits.maxRunning, slots + 1);
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
      if (running < slots && waiting() === 0) return begin();
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
            resolve(begin());
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

    figures: () => ({ running, waiting: waiting(), slots, refused: [...refused.values()] }),
  };
}
