/** Computes the figures of a run from the evidence. */
import type { ViolationKind } from './check.ts';
import { factsOf, type Evidence } from './evidence.ts';

type Counts = Readonly<Record<string, number>>;

export interface Figures {
  readonly jobs: number;
  readonly ends: Counts;
  readonly settledBy: Counts;
  /** Requests of clients, by kind and outcome. */
  readonly operations: Counts;
  /** Submits that the upstream received, by how it handled them. */
  readonly submits: Counts;
  readonly tasks: number;
  readonly callbacks: Counts;
  readonly callbackAnswers: Counts;
  readonly lookUps: number;
  readonly listings: number;
  /** Jobs with a submit that was received but never properly answered, by their end. */
  readonly unknownSubmits: Counts;
  /** Jobs that failed with an unknown submit outcome although the upstream never received a submit. */
  readonly neverArrived: number;
  readonly watches: Counts;
  /** Reasons why connections of watches ended early. */
  readonly watchBreaks: Counts;
}

const unanswered = new Set(['reset', 'close', 'hang', 'half', 'html', 'errorEnvelope', 'held']);

export function figuresOf(evidence: Evidence): Figures {
  const { jobs, clients, ledger, rows, received, posted, watches } = factsOf(evidence);
  const unknown = [...received]
    .filter(([, entries]) => entries.some(({ fault }) => unanswered.has(fault)))
    .flatMap(([jobId]) => rows.get(jobId) ?? []);
  return {
    jobs: jobs.length,
    ends: count(jobs.map(({ state, failureCode }) => failureCode ?? state)),
    settledBy: count(jobs.map(({ settledBy }) => settledBy ?? 'none')),
    operations: count(
      clients.filter((entry) => entry.op !== 'watch' && entry.type !== 'invoke').map(({ op, type }) => `${op} ${type}`),
    ),
    submits: count([...received.values()].flat().map(({ fault }) => fault)),
    tasks: ledger.filter(({ kind }) => kind === 'taken').length,
    callbacks: {
      ...count(posted.map(({ callback }) => callback)),
      lost: ledger.filter(({ kind }) => kind === 'lostCallback').length,
    },
    callbackAnswers: count(posted.map(({ status }) => String(status ?? 'none'))),
    lookUps: ledger.filter(({ kind }) => kind === 'lookUp').length,
    listings: ledger.filter(({ kind }) => kind === 'listing').length,
    unknownSubmits: count(unknown.map(({ state, failureCode }) => failureCode ?? state)),
    neverArrived: jobs.filter(({ id, failureCode }) => failureCode === 'SUBMIT_OUTCOME_UNKNOWN' && !received.has(id))
      .length,
    watches: {
      jobs: watches.size,
      completed: [...watches.values()].filter((entries) => entries.some(({ type }) => type === 'completed')).length,
      connections: clients.filter((entry) => entry.op === 'watch' && entry.type === 'invoke').length,
      states: clients.filter((entry) => entry.op === 'watch' && entry.type === 'saw').length,
    },
    watchBreaks: count(
      clients.flatMap((entry) => (entry.op === 'watch' && entry.type === 'unknown' ? [entry.reason] : [])),
    ),
  };
}

/** Returns the figures that must be zero, by promise. */
export function promisesOf(violations: readonly { readonly kind: ViolationKind }[]) {
  const of = (...kinds: ViolationKind[]): number => violations.filter(({ kind }) => kinds.includes(kind)).length;
  return {
    lost: of('lost', 'callbackRefused'),
    duplicated: of('twoJobs', 'twoTasks', 'sentAgain', 'phantom'),
    wrong: of('wrongEnd', 'wrongResult', 'foreignTask', 'wrongCancel', 'forgedAccepted'),
    orphans: of('orphan'),
    unknownAtEnd: of('open'),
    quota: of('wrongLedger', 'wrongBalance'),
    webhooks: of('webhookLost', 'webhookTwice', 'webhookWrong'),
    watching: of('wentBack', 'watchUnfinished', 'watchWrong'),
    violations: violations.length,
  };
}

function count(names: readonly string[]): Counts {
  const counts: Record<string, number> = {};
  for (const name of [...names].sort()) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}
