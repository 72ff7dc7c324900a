/**
 * Tests that the checker detects each kind of violation in evidence made by hand, and that it accepts evidence that
 * only resembles a violation. A checker that cannot fail would be worthless.
 */
import { describe, expect, test } from 'vitest';
import { check, type ViolationKind } from '../../../verification/chaos/checker/check.ts';
import type {
  BalanceRow,
  CallbackRow,
  Evidence,
  HeardWebhook,
  JobRow,
} from '../../../verification/chaos/checker/evidence.ts';
import { promisesOf } from '../../../verification/chaos/checker/figures.ts';
import { historyOf } from '../../../verification/chaos/checker/history.ts';
import type { ClientRecord, Seen } from '../../../verification/harness/clients/records.ts';
import type { LedgerRecord } from '../../../verification/harness/upstream/messages.ts';

/** Evidence that a test may change; timestamps follow the order of the lists. */
interface Case {
  clients: ClientRecord[];
  ledger: LedgerRecord[];
  jobs: JobRow[];
  callbacks: CallbackRow[];
  balances: BalanceRow[];
  webhooks: HeardWebhook[] | null;
}

const evidenceOf = ({ clients, ledger, webhooks, ...tables }: Case): Evidence => ({
  ...tables,
  clients: clients.map((record, index) => ({ at: index, ...record })),
  ledger: ledger.map((record, index) => ({ at: index, ...record })),
  webhooks: webhooks && webhooks.map((record, index) => ({ at: index, ...record })),
});

const kindsOf = (built: Case): ViolationKind[] => [...new Set(check(evidenceOf(built)).map(({ kind }) => kind))].sort();

const seen = (version: number, state: Seen['state'], jobId = 'job'): Seen => ({
  jobId,
  version,
  state,
  final: state === 'FAILED' ? true : null,
});
const by = { client: 'c1', gateway: 'g1' };
const received = (attempt: number, fault = 'none'): LedgerRecord => ({
  kind: 'received',
  gateway: 'g1',
  jobId: 'job',
  attempt,
  fault,
});
const taken = (taskId = 'task'): LedgerRecord => ({
  kind: 'taken',
  jobId: 'job',
  attempt: 1,
  taskId,
  outcome: 'success',
  videoUrl: `https://media.example.com/${taskId}.mp4`,
  endsAt: 0,
});
const callback = (what: 'true' | 'forgedMac', status: number | null): LedgerRecord => ({
  kind: 'callback',
  jobId: 'job',
  taskId: 'task',
  callback: what,
  claimedTaskId: 'task',
  sentAt: 0,
  status,
});
const watch = (operation: number, event: object): ClientRecord =>
  ({ op: 'watch', jobId: 'job', ...by, operation, ...event }) as ClientRecord;
const generate = (operation: number, event: object, key = 'key'): ClientRecord =>
  ({ op: 'generate', key, ...by, operation, ...event }) as ClientRecord;
const read = (operation: number, event: object): ClientRecord =>
  ({ op: 'read', jobId: 'job', ...by, operation, ...event }) as ClientRecord;
const cancel = (operation: number, event: object): ClientRecord =>
  ({ op: 'cancel', jobId: 'job', ...by, operation, ...event }) as ClientRecord;
const told = (
  id: string,
  status: HeardWebhook['status'],
  version = 4,
  type = 'motion_job.succeeded',
): HeardWebhook => ({ id, digest: 'digest', status, type, jobId: 'job', version });
const row: JobRow = {
  id: 'job',
  key: 'key',
  state: 'SUCCEEDED',
  version: 4,
  attempt: 1,
  taskId: 'task',
  resultUrl: 'https://media.example.com/task.mp4',
  failureCode: null,
  settledBy: 'CALLBACK',
  entries: 'CHARGE RESERVE',
};

/** Returns the evidence of one successful job, with everything that may be recorded about it. */
const wellDone = (): Case => ({
  clients: [
    generate(1, { type: 'invoke' }),
    generate(1, { type: 'unknown', reason: 'ECONNRESET' }),
    generate(2, { type: 'invoke' }),
    generate(2, { type: 'ok', replayed: true, seen: seen(1, 'QUEUED') }),
    watch(3, { type: 'invoke', afterVersion: 0 }),
    watch(3, { type: 'saw', seen: seen(2, 'SUBMITTING') }),
    watch(3, { type: 'unknown', reason: 'closed' }),
    watch(4, { type: 'invoke', afterVersion: 2 }),
    watch(4, { type: 'saw', seen: seen(4, 'SUCCEEDED') }),
    watch(4, { type: 'completed' }),
    read(5, { type: 'invoke' }),
    read(5, { type: 'ok', seen: seen(3, 'PROCESSING') }),
  ],
  ledger: [received(1), taken(), callback('true', 200), callback('forgedMac', 404)],
  jobs: [row],
  callbacks: [{ jobId: 'job', taskId: 'task', verdict: 'APPLIED', forged: false }],
  balances: [{ accountId: 'default', used: 1, usedByLedger: 1, reserved: 0, reservedByLedger: 0 }],
  webhooks: null,
});

const failed = (failureCode: JobRow['failureCode']): JobRow => ({
  ...row,
  state: 'FAILED',
  failureCode,
  resultUrl: null,
  taskId: null,
  entries: 'RELEASE RESERVE',
});
const without = (built: Case, op: ClientRecord['op']): void =>
  void (built.clients = built.clients.filter((record) => record.op !== op));

/** For each kind of violation, one change to the evidence that breaks the promise. */
const broken: Readonly<Record<ViolationKind, (built: Case) => void>> = {
  lost: (built) =>
    built.clients.push(
      generate(9, { type: 'invoke' }, 'other'),
      generate(9, { type: 'ok', replayed: false, seen: seen(1, 'QUEUED', 'gone') }, 'other'),
    ),
  phantom: (built) =>
    (built.clients = [generate(1, { type: 'invoke' }), generate(1, { type: 'fail', reason: 'SERVICE_UNAVAILABLE' })]),
  twoJobs: (built) => built.jobs.push({ ...failed('SUBMIT_OUTCOME_UNKNOWN'), id: 'twin' }),
  twoTasks: (built) => built.ledger.push(taken('second')),
  sentAgain: (built) => built.ledger.push(received(2, 'reset')),
  orphan: (built) => {
    without(built, 'watch');
    built.jobs = [failed('SUBMIT_OUTCOME_UNKNOWN')];
  },
  foreignTask: (built) => (built.jobs = [{ ...row, taskId: "somebody else's" }]),
  wrongEnd: (built) => {
    built.clients = [];
    built.jobs = [{ ...failed('TIMED_OUT'), taskId: 'task' }];
  },
  wrongResult: (built) => (built.jobs = [{ ...row, resultUrl: 'https://forged.example.com/video.mp4' }]),
  open: (built) => {
    built.clients = [];
    built.jobs = [{ ...row, state: 'UNCONFIRMED', resultUrl: null, entries: 'RESERVE' }];
  },
  wrongCancel: (built) =>
    built.clients.push(cancel(9, { type: 'invoke' }), cancel(9, { type: 'ok', seen: seen(2, 'CANCELED') })),
  forgedAccepted: (built) => built.ledger.push(callback('forgedMac', 200)),
  callbackRefused: (built) => built.ledger.push(callback('true', 404)),
  malformed: (built) =>
    built.ledger.push({ kind: 'malformed', gateway: 'g1', path: 'motion', why: 'image_url: expected an http(s) URL' }),
  wentBack: (built) =>
    built.clients.push(read(9, { type: 'invoke' }), read(9, { type: 'ok', seen: seen(2, 'SUBMITTING') })),
  watchUnfinished: (built) => (built.clients = built.clients.filter(({ type }) => type !== 'completed')),
  wrongLedger: (built) => (built.jobs = [{ ...row, entries: 'RESERVE' }]),
  wrongBalance: (built) =>
    (built.balances = [{ accountId: 'default', used: 2, usedByLedger: 1, reserved: 0, reservedByLedger: 0 }]),
  webhookLost: (built) => (built.webhooks = [told('event', 500), told('event', 'reset')]),
  webhookTwice: (built) => (built.webhooks = [told('event', 200), told('other', 200)]),
  webhookWrong: (built) => (built.webhooks = [told('event', 200), told('early', 200, 3, 'motion_job.canceled')]),
  watchWrong: (built) =>
    (built.clients = built.clients.filter(
      (record) => !(record.op === 'watch' && record.type === 'saw' && record.seen.state === 'SUCCEEDED'),
    )),
};

describe('the checker', () => {
  test('reports no violation for a successful job', () => expect(kindsOf(wellDone())).toEqual([]));

  test.each(Object.entries(broken) as [ViolationKind, (built: Case) => void][])('detects %s', (kind, breaks) => {
    const built = wellDone();
    breaks(built);
    expect(kindsOf(built)).toContain(kind);
  });

  test('reports a job as lost if it is read as null or cannot be watched', () => {
    const nullRead = wellDone();
    nullRead.clients.push(read(9, { type: 'invoke' }), read(9, { type: 'ok', seen: null }));
    expect(kindsOf(nullRead)).toEqual(['lost']);
    const unwatched = wellDone();
    unwatched.clients.push(watch(9, { type: 'fail', reason: 'NOT_FOUND' }));
    expect(kindsOf(unwatched)).toEqual(['lost']);
  });

  test("detects a forged body that was stored for the job's own task", () => {
    const built = wellDone();
    built.callbacks.push({ jobId: 'job', taskId: 'task', verdict: 'REPEATED', forged: true });
    expect(kindsOf(built)).toEqual(['forgedAccepted']);
  });

  test('detects a final state that was later changed', () => {
    const built = wellDone();
    without(built, 'watch');
    built.jobs = [{ ...failed('UPSTREAM_FAILED'), version: 5, taskId: 'task' }];
    built.clients.push(read(9, { type: 'invoke' }), read(9, { type: 'ok', seen: seen(4, 'SUCCEEDED') }));
    expect(kindsOf(built)).toEqual(['wentBack', 'wrongEnd']);
  });

  test('detects a watch that repeats a version after a reconnect, and one that saw a newer version than the table has', () => {
    const repeated = wellDone();
    repeated.clients.splice(8, 0, watch(4, { type: 'saw', seen: seen(2, 'SUBMITTING') }));
    expect(kindsOf(repeated)).toEqual(['wentBack']);
    const ahead = wellDone();
    ahead.jobs = [{ ...row, version: 3 }];
    expect(kindsOf(ahead)).toEqual(['watchWrong', 'wentBack']);
  });

  test('detects a deadline failure of a failed task whose reason could have been known, and an end without any task', () => {
    const guessed = wellDone();
    guessed.clients = [];
    guessed.ledger = [received(1), { ...taken(), outcome: 'failure' } as LedgerRecord];
    guessed.jobs = [{ ...failed('TIMED_OUT'), taskId: 'task' }];
    expect(kindsOf(guessed)).toEqual(['wrongEnd']);
    const invented = wellDone();
    invented.clients = [];
    invented.ledger = [];
    invented.jobs = [failed('UPSTREAM_REJECTED')];
    expect(kindsOf(invented)).toEqual(['wrongEnd']);
  });

  describe('with valid evidence', () => {
    test('accepts a second submit after a definite refusal', () => {
      const built = wellDone();
      built.ledger = [
        received(1, 'busy'),
        { kind: 'refused', jobId: 'job', attempt: 1, httpStatus: 429, again: true },
        received(2),
        taken(),
      ];
      expect(kindsOf(built)).toEqual([]);
    });

    test('accepts a job that failed with an unknown submit outcome, if the upstream has no task', () => {
      const built = wellDone();
      built.clients = [];
      built.ledger = [received(1, 'reset')];
      built.jobs = [failed('SUBMIT_OUTCOME_UNKNOWN')];
      expect(kindsOf(built)).toEqual([]);
    });

    test('accepts a watch that ended with a failure, and a success that replaced the failure later', () => {
      const built = wellDone();
      built.clients = [
        generate(1, { type: 'invoke' }),
        generate(1, { type: 'ok', replayed: false, seen: seen(1, 'QUEUED') }),
        watch(2, { type: 'invoke', afterVersion: 1 }),
        watch(2, { type: 'saw', seen: seen(3, 'FAILED') }),
        watch(2, { type: 'completed' }),
      ];
      expect(kindsOf(built)).toEqual([]);
    });

    test('accepts a request with an unknown outcome, with a job and without one', () => {
      const built = wellDone();
      built.clients = [
        generate(1, { type: 'invoke' }),
        generate(1, { type: 'unknown', reason: 'TimeoutError' }),
        generate(2, { type: 'invoke' }, 'never'),
        generate(2, { type: 'unknown', reason: 'ECONNRESET' }, 'never'),
      ];
      expect(kindsOf(built)).toEqual([]);
    });

    test('accepts a canceled job that was never submitted to the upstream', () => {
      const built = wellDone();
      built.clients = [cancel(1, { type: 'invoke' }), cancel(1, { type: 'ok', seen: seen(2, 'CANCELED') })];
      built.ledger = [];
      built.jobs = [{ ...failed(null), state: 'CANCELED', version: 2 }];
      expect(kindsOf(built)).toEqual([]);
    });

    test('accepts an end that is delivered on the second attempt and then repeated, and the failure that it replaced', () => {
      const built = wellDone();
      built.webhooks = [
        told('failure', 200, 3, 'motion_job.failed'),
        told('event', 500),
        told('event', 200),
        told('event', 200),
      ];
      expect(kindsOf(built)).toEqual([]);
    });

    test('accepts a forged claim that was stored and refuted', () => {
      const built = wellDone();
      built.callbacks.push({ jobId: 'job', taskId: "somebody else's", verdict: 'REFUTED', forged: true });
      expect(kindsOf(built)).toEqual([]);
    });
  });

  test('counts every kind of violation under a promise, or at least in the total', () => {
    const violations = Object.keys(broken).map((kind) => ({ kind: kind as ViolationKind }));
    const { violations: all, ...promises } = promisesOf(violations);
    expect(all).toBe(violations.length);
    // A malformed request breaks a contract, but none of the promises.
    expect(Object.values(promises).reduce((sum, number) => sum + number, 0)).toBe(violations.length - 1);
  });

  test('returns the history of a job in chronological order across all sources', () => {
    const built = wellDone();
    built.ledger.push(taken('second'));
    const evidence = evidenceOf(built);
    const [violation] = check(evidence);
    const lines = historyOf(violation!, evidence);
    expect(lines.filter((line) => line.includes(' client '))).toHaveLength(built.clients.length);
    expect(lines.filter((line) => line.includes(' upstream '))).toHaveLength(built.ledger.length);
    expect(lines.slice(0, -2).map((line) => line.slice(0, 12))).toEqual(
      lines
        .slice(0, -2)
        .map((line) => line.slice(0, 12))
        .sort(),
    );
    expect(lines.at(-2)).toContain('"state":"SUCCEEDED"');
  });
});
