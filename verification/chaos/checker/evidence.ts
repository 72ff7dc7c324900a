/**
 * The evidence that the checker may use: the logs of the clients and of their receiver, the ledger of the upstream and
 * the final tables, but nothing from the gateways themselves.
 */
import type { FailureCode, JobState } from '../../../src/jobs/model/job.ts';
import type { Verdict } from '../../../src/jobs/model/job-event.ts';
import type { ClientRecord } from '../../harness/clients/records.ts';
import type { Entry } from '../../harness/journal.ts';
import type { LedgerRecord } from '../../harness/upstream/messages.ts';

export interface JobRow {
  readonly id: string;
  readonly key: string | null;
  readonly state: JobState;
  readonly version: number;
  readonly attempt: number;
  readonly taskId: string | null;
  readonly resultUrl: string | null;
  readonly failureCode: FailureCode | null;
  readonly settledBy: string | null;
  /** The kinds of its entries in the quota ledger, in alphabetical order, separated by spaces. */
  readonly entries: string;
}

/** The balance of an account, and the sums of its ledger. */
export interface BalanceRow {
  readonly accountId: string;
  readonly used: number;
  readonly usedByLedger: number;
  readonly reserved: number;
  readonly reservedByLedger: number;
}

export interface CallbackRow {
  readonly jobId: string;
  readonly taskId: string | null;
  readonly verdict: Verdict;
  /** Whether the body is one of those that the upstream forged. */
  readonly forged: boolean;
}

export const jobsQuery = `select id, idempotency_key as key, state, version, attempt, task_id as "taskId", result_url as "resultUrl",
  failure_code as "failureCode", settled_by as "settledBy",
  (select coalesce(string_agg(kind, ' ' order by kind), '') from quota_ledger where job_id = jobs.id) as entries from jobs`;

export const balancesQuery = `select id as "accountId", quota_taken - open as used, open as reserved,
  (select count(*)::int from quota_ledger where account_id = accounts.id and kind in ('CHARGE', 'LATE_CHARGE')) as "usedByLedger",
  (select (count(*) filter (where kind = 'RESERVE') - count(*) filter (where kind in ('CHARGE', 'RELEASE')))::int from quota_ledger where account_id = accounts.id) as "reservedByLedger"
  from accounts cross join lateral (select count(*)::int as open from jobs where account_id = accounts.id and state not in ('SUCCEEDED', 'FAILED', 'CANCELED')) now`;

export const callbacksQuery = `select job_id as "jobId", task_id as "taskId", verdict, body like '%forged.example.com%' as forged from callbacks`;

/** One attempt of a webhook, as recorded by its receiver. */
export interface HeardWebhook {
  readonly id: string;
  readonly digest: string;
  readonly status: number | 'reset' | 'hang';
  readonly type: string;
  readonly jobId: string;
  readonly version: number;
}

export interface Evidence {
  readonly clients: readonly Entry<ClientRecord>[];
  readonly ledger: readonly Entry<LedgerRecord>[];
  readonly jobs: readonly JobRow[];
  readonly callbacks: readonly CallbackRow[];
  readonly balances: readonly BalanceRow[];
  /** Null if there was no receiver. */
  readonly webhooks: readonly Entry<HeardWebhook>[] | null;
}

type Of<R, K extends keyof R, V> = Extract<R, { readonly [P in K]: V }>;
type ByLedger<K extends LedgerRecord['kind']> = Entry<Of<LedgerRecord, 'kind', K>>;
type ByOperation<K extends ClientRecord['op']> = Entry<Of<ClientRecord, 'op', K>>;

/** The evidence, grouped for the rules. */
export interface Facts extends Evidence {
  readonly rows: ReadonlyMap<string, JobRow>;
  readonly tasks: ReadonlyMap<string, readonly ByLedger<'taken'>[]>;
  readonly received: ReadonlyMap<string, readonly ByLedger<'received'>[]>;
  readonly refused: ReadonlyMap<string, readonly ByLedger<'refused'>[]>;
  readonly posted: readonly ByLedger<'callback'>[];
  readonly generates: ReadonlyMap<string, readonly ByOperation<'generate'>[]>;
  readonly cancels: readonly ByOperation<'cancel'>[];
  readonly reads: ReadonlyMap<string, readonly ByOperation<'read'>[]>;
  /** By client and job, over all connections. */
  readonly watches: ReadonlyMap<string, readonly ByOperation<'watch'>[]>;
  readonly told: ReadonlyMap<string, readonly Entry<HeardWebhook>[]> | null;
}

export function factsOf(evidence: Evidence): Facts {
  const ledger = <K extends LedgerRecord['kind']>(kind: K) =>
    evidence.ledger.filter((entry): entry is ByLedger<K> => entry.kind === kind);
  const clients = <K extends ClientRecord['op']>(op: K) =>
    evidence.clients.filter((entry): entry is ByOperation<K> => entry.op === op);
  return {
    ...evidence,
    rows: new Map(evidence.jobs.map((row) => [row.id, row])),
    tasks: groupBy(ledger('taken'), ({ jobId }) => jobId),
    received: groupBy(ledger('received'), ({ jobId }) => jobId),
    refused: groupBy(ledger('refused'), ({ jobId }) => jobId),
    posted: ledger('callback'),
    generates: groupBy(clients('generate'), ({ key }) => key),
    cancels: clients('cancel'),
    reads: groupBy(clients('read'), ({ jobId }) => jobId),
    watches: groupBy(clients('watch'), ({ client, jobId }) => `${client} ${jobId}`),
    told: evidence.webhooks && groupBy(evidence.webhooks, ({ jobId }) => jobId),
  };
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group) group.push(item);
    else groups.set(key, [item]);
  }
  return groups;
}
