/**
 * The rules of the checker. Each rule examines the facts and returns what violates it. No rule depends on how the
 * gateway works. Pure functions.
 */
import { isTerminal, type FailureCode } from '../../../src/jobs/model/job.ts';
import type { Seen } from '../../harness/clients/records.ts';
import { factsOf, type Evidence, type Facts, type JobRow } from './evidence.ts';

export const violationKinds = {
  lost: 'an acknowledged job that is missing',
  phantom: 'a job from a request that was certainly not executed',
  twoJobs: 'two jobs for one idempotency key',
  twoTasks: 'two upstream tasks for one job',
  sentAgain: 'a submit after one that had arrived',
  orphan: 'a task that is not linked to its job',
  foreignTask: 'a job with a task that is not its own',
  wrongEnd: 'a job whose end differs from that of its task',
  wrongResult: 'a successful job whose result is not that of its task',
  open: 'a job that has not ended in time',
  wrongCancel: 'an acknowledged cancel that was undone, or a canceled job that was submitted',
  forgedAccepted: 'a forged callback that was believed or stored',
  callbackRefused: 'a true callback that was answered 404',
  malformed: 'a request that violates the contract of the upstream',
  wrongLedger: 'a job whose reservation, charge or release of quota does not match its state',
  wrongBalance: 'an account whose balance is not the sum of its ledger',
  wentBack: 'a job that a client saw in an earlier state or version than before',
  watchUnfinished: 'a watch that was not completed although its job has ended',
  webhookLost: 'a job whose end no webhook reported',
  webhookTwice: 'one change of a job reported as two events, or one event with two bodies',
  webhookWrong: 'a webhook about something that did not happen',
  watchWrong: 'a watch whose last state is not the last state of the job',
} as const;

export type ViolationKind = keyof typeof violationKinds;

export interface Violation {
  readonly kind: ViolationKind;
  /** Null if the violation is not about a single job, such as a malformed request. */
  readonly jobId: string | null;
  readonly key: string | null;
  readonly message: string;
}

type Found = Omit<Violation, 'kind' | 'key'> & { readonly key?: string };
type Rule = (facts: Facts) => readonly Found[];

/** Failure codes of jobs that the upstream never accepted. */
const withoutTask: ReadonlySet<FailureCode | null> = new Set<FailureCode>([
  'SUBMIT_OUTCOME_UNKNOWN',
  'CONTENT_REJECTED',
  'INVALID_MEDIA',
  'UPSTREAM_REJECTED',
]);

/**
 * Returns the ledger entries that a job in this state may have. If a success has replaced the failure of a job, its
 * quota had already been released.
 */
function ledgersOf(state: JobRow['state']): readonly string[] {
  if (state === 'SUCCEEDED') return ['CHARGE RESERVE', 'LATE_CHARGE RELEASE RESERVE'];
  return isTerminal(state) ? ['RELEASE RESERVE'] : ['RESERVE'];
}

const rules: Readonly<Record<ViolationKind, Rule>> = {
  lost: ({ generates, reads, watches, rows }) => [
    ...[...generates.values()]
      .flat()
      .flatMap((entry) =>
        entry.type === 'ok' && !rows.has(entry.seen.jobId)
          ? [{ jobId: entry.seen.jobId, key: entry.key, message: 'acknowledged, but not in the table' }]
          : [],
      ),
    ...[...reads.values()]
      .flat()
      .flatMap((entry) =>
        entry.type === 'ok' && entry.seen === null
          ? [{ jobId: entry.jobId, message: 'acknowledged, but read as null' }]
          : [],
      ),
    ...[...watches.values()]
      .flat()
      .flatMap((entry) =>
        entry.type === 'fail'
          ? [{ jobId: entry.jobId, message: `acknowledged, but cannot be watched: ${entry.reason}` }]
          : [],
      ),
  ],

  phantom: ({ generates, jobs }) =>
    jobs.flatMap(({ id, key }) => {
      const entries = (key !== null && generates.get(key)) || [];
      const invokes = entries.filter(({ type }) => type === 'invoke').length;
      const fails = entries.filter(({ type }) => type === 'fail').length;
      return invokes > 0 && fails === invokes
        ? [{ jobId: id, message: 'every request with its key certainly failed' }]
        : [];
    }),

  twoJobs: ({ generates, jobs }) => {
    const ids = new Map<string, Set<string>>();
    const add = (key: string, id: string) => ids.set(key, (ids.get(key) ?? new Set()).add(id));
    for (const { id, key } of jobs) if (key !== null) add(key, id);
    for (const entry of [...generates.values()].flat()) if (entry.type === 'ok') add(entry.key, entry.seen.jobId);
    return [...ids]
      .filter(([, { size }]) => size > 1)
      .map(([key, set]) => ({ jobId: [...set][0]!, key, message: [...set].join(', ') }));
  },

  twoTasks: ({ tasks }) =>
    [...tasks]
      .filter(([, taken]) => taken.length > 1)
      .map(([jobId, taken]) => ({ jobId, message: taken.map(({ taskId }) => taskId).join(', ') })),

  sentAgain: ({ received, refused }) =>
    [...received].flatMap(([jobId, entries]) => {
      const again = (refused.get(jobId) ?? []).filter((entry) => entry.again).length;
      const arrived = entries.length - again;
      return arrived > 1
        ? [
            {
              jobId,
              message: `${arrived} submits arrived: attempts ${entries.map(({ attempt }) => attempt).join(', ')}`,
            },
          ]
        : [];
    }),

  orphan: ({ tasks, rows }) =>
    [...tasks.values()]
      .flat()
      .flatMap(({ jobId, taskId }) =>
        rows.get(jobId)?.taskId === taskId
          ? []
          : [{ jobId, message: `task ${taskId}; the job has ${rows.get(jobId)?.taskId ?? 'none'}` }],
      ),

  foreignTask: ({ tasks, jobs }) =>
    jobs.flatMap(({ id, taskId }) =>
      taskId === null || tasks.get(id)?.some((task) => task.taskId === taskId)
        ? []
        : [{ jobId: id, message: `task ${taskId}` }],
    ),

  wrongLedger: ({ jobs }) =>
    jobs.flatMap(({ id, state, entries }) =>
      ledgersOf(state).includes(entries) ? [] : [{ jobId: id, message: `${state} with ${entries || 'no entry'}` }],
    ),

  wrongBalance: ({ balances }) =>
    balances.flatMap(({ accountId, used, usedByLedger, reserved, reservedByLedger }) =>
      used === usedByLedger && reserved === reservedByLedger
        ? []
        : [
            {
              jobId: null,
              message: `account ${accountId}: used ${used}, ledger ${usedByLedger}; reserved ${reserved}, ledger ${reservedByLedger}`,
            },
          ],
    ),

  wrongEnd: (facts) =>
    facts.jobs
      .filter(({ state }) => isTerminal(state) && state !== 'CANCELED')
      .flatMap((row) => wrongEndOf(row, facts)),

  wrongResult: ({ jobs, tasks }) =>
    jobs.flatMap(({ id, state, resultUrl }) =>
      state !== 'SUCCEEDED' || tasks.get(id)?.some(({ videoUrl }) => videoUrl === resultUrl)
        ? []
        : [{ jobId: id, message: String(resultUrl) }],
    ),

  open: ({ jobs }) =>
    jobs.filter(({ state }) => !isTerminal(state)).map(({ id, state }) => ({ jobId: id, message: state })),

  wrongCancel: ({ cancels, jobs, rows, tasks }) => [
    ...cancels.flatMap((entry) =>
      entry.type === 'ok' && rows.has(entry.jobId) && rows.get(entry.jobId)!.state !== 'CANCELED'
        ? [{ jobId: entry.jobId, message: `acknowledged, but ${rows.get(entry.jobId)!.state}` }]
        : [],
    ),
    ...jobs
      .filter(({ id, state }) => state === 'CANCELED' && tasks.has(id))
      .map(({ id }) => ({ jobId: id, message: 'canceled, but the upstream has a task' })),
  ],

  forgedAccepted: ({ posted, callbacks, tasks }) => [
    ...posted
      .filter(({ callback, status }) => callback === 'forgedMac' && status === 200)
      .map(({ jobId }) => ({ jobId, message: 'a callback with a wrong MAC was answered 200' })),
    ...callbacks.flatMap(({ jobId, taskId, verdict, forged }) => {
      if (!forged) return [];
      const own = tasks.get(jobId)?.some((task) => task.taskId === taskId) ?? false;
      return own || verdict === 'APPLIED' || verdict === 'CONFIRMED'
        ? [{ jobId, message: `stored for task ${taskId} with the verdict ${verdict}` }]
        : [];
    }),
  ],

  callbackRefused: ({ posted }) =>
    posted
      .filter(({ callback, status }) => callback !== 'forgedMac' && status === 404)
      .map(({ jobId, callback }) => ({ jobId, message: callback })),

  malformed: ({ ledger }) =>
    ledger.flatMap((entry) =>
      entry.kind === 'malformed' ? [{ jobId: null, message: `${entry.path}: ${entry.why}` }] : [],
    ),

  wentBack: ({ reads, watches, generates, rows }) => {
    const back: Found[] = [];
    const lasting = (seen: Seen): void => {
      const row = rows.get(seen.jobId);
      if (!row) return;
      if ((seen.state === 'SUCCEEDED' || seen.state === 'CANCELED') && row.state !== seen.state)
        back.push({ jobId: row.id, message: `seen as ${seen.state}, but ${row.state} at the end` });
      if (seen.version > row.version)
        back.push({ jobId: row.id, message: `seen with version ${seen.version}, but ${row.version} at the end` });
    };
    for (const entry of [...generates.values()].flat()) if (entry.type === 'ok') lasting(entry.seen);
    for (const entries of reads.values()) {
      const invokes = new Map(
        entries.filter(({ type }) => type === 'invoke').map(({ operation, at }) => [operation, at]),
      );
      const seen = entries.flatMap((entry) =>
        entry.type === 'ok' && entry.seen
          ? [{ from: invokes.get(entry.operation) ?? 0, to: entry.at, seen: entry.seen }]
          : [],
      );
      for (const later of seen) {
        lasting(later.seen);
        const newer = seen.find((earlier) => earlier.to < later.from && earlier.seen.version > later.seen.version);
        if (newer)
          back.push({
            jobId: later.seen.jobId,
            message: `read version ${newer.seen.version}, then ${later.seen.version}`,
          });
      }
    }
    for (const entries of watches.values()) {
      let version = 0;
      for (const entry of entries) {
        if (entry.type !== 'saw') continue;
        lasting(entry.seen);
        if (entry.seen.version <= version)
          back.push({ jobId: entry.jobId, message: `watched version ${version}, then ${entry.seen.version}` });
        version = entry.seen.version;
      }
    }
    return back;
  },

  webhookLost: ({ jobs, told }) =>
    told === null
      ? []
      : jobs.flatMap(({ id, state }) =>
          isTerminal(state) && !told.get(id)?.some(({ type, status }) => type === typeOf(state) && status === 200)
            ? [{ jobId: id, message: `${state}; ${told.get(id)?.length ?? 0} webhook attempts received` }]
            : [],
        ),

  webhookTwice: ({ told }) =>
    [...(told ?? [])].flatMap(([jobId, entries]) => {
      const events = new Set(entries.map(({ id, digest }) => `${id} ${digest}`)).size;
      const changes = new Set(entries.map(({ version }) => version)).size;
      return events > changes ? [{ jobId, message: `${events} events for ${changes} changes` }] : [];
    }),

  webhookWrong: ({ told, rows }) =>
    [...(told ?? [])].flatMap(([jobId, entries]) =>
      entries.flatMap(({ type, version }) => {
        const row = rows.get(jobId);
        const right =
          row !== undefined &&
          version <= row.version &&
          (type === typeOf(row.state) || (type === 'motion_job.failed' && row.state === 'SUCCEEDED'));
        return right
          ? []
          : [{ jobId, message: `${type} of version ${version}; the job is ${row?.state} of version ${row?.version}` }];
      }),
    ),

  watchUnfinished: ({ watches, rows }) =>
    [...watches.values()].flatMap((entries) => {
      const { jobId } = entries[0]!;
      const row = rows.get(jobId);
      return row && isTerminal(row.state) && !entries.some(({ type }) => type === 'completed')
        ? [{ jobId, message: `${entries.filter(({ type }) => type === 'invoke').length} connections` }]
        : [];
    }),

  watchWrong: ({ watches, rows }) =>
    [...watches.values()].flatMap((entries) => {
      const row = rows.get(entries[0]!.jobId);
      if (!row || !entries.some(({ type }) => type === 'completed')) return [];
      const last = entries.flatMap((entry) => (entry.type === 'saw' ? [entry.seen] : [])).at(-1);
      // A client that already has the last version receives only the completion.
      if (!last) return [];
      // After the watch has ended, a failure may be replaced by a success or by a more specific failure.
      const right =
        isTerminal(last.state) && (last.version === row.version ? last.state === row.state : last.state === 'FAILED');
      return right
        ? []
        : [
            {
              jobId: row.id,
              message: `last seen: ${last.state}, version ${last.version}; job: ${row.state}, version ${row.version}`,
            },
          ];
    }),
};

/** Returns the type of the webhook that reports this end. */
const typeOf = (state: JobRow['state']): string => `motion_job.${state.toLowerCase()}`;

function wrongEndOf({ id, state, failureCode }: JobRow, { tasks, refused }: Facts): readonly Found[] {
  const task = tasks.get(id)?.[0];
  const is = state === 'FAILED' ? `FAILED ${failureCode}` : state;
  if (task) {
    const right = task.outcome === 'success' ? state === 'SUCCEEDED' : failureCode === 'UPSTREAM_FAILED';
    return right ? [] : [{ jobId: id, message: `${is}, but the task ended in ${task.outcome}` }];
  }
  const wasRefused = refused.get(id)?.some(({ again }) => !again) ?? false;
  const right =
    state === 'FAILED' && withoutTask.has(failureCode) && (failureCode === 'SUBMIT_OUTCOME_UNKNOWN' || wasRefused);
  return right ? [] : [{ jobId: id, message: `${is}, but the upstream never accepted it` }];
}

/** Returns every violation of every rule. */
export function check(evidence: Evidence): readonly Violation[] {
  const facts = factsOf(evidence);
  return (Object.entries(rules) as [ViolationKind, Rule][]).flatMap(([kind, rule]) =>
    rule(facts).map((found) => ({
      kind,
      ...found,
      key: found.key ?? (found.jobId === null ? null : (facts.rows.get(found.jobId)?.key ?? null)),
    })),
  );
}
