/** Collects all records about one job in chronological order, to explain a violation. */
import type { Evidence } from './evidence.ts';
import type { Violation } from './check.ts';

const MAX_LINES = 80;

export function historyOf(
  { jobId, key }: Violation,
  { clients, ledger, jobs, callbacks, webhooks }: Evidence,
): string[] {
  const taskIds = new Set(
    ledger.flatMap((entry) => (entry.kind === 'taken' && entry.jobId === jobId ? [entry.taskId] : [])),
  );
  const entries = [
    ...clients
      .filter((entry) => (entry.op === 'generate' ? entry.key === key : entry.jobId === jobId))
      .map((entry) => ({ who: 'client', entry })),
    ...(webhooks ?? []).filter((entry) => entry.jobId === jobId).map((entry) => ({ who: 'receiver', entry })),
    ...ledger
      .filter(
        (entry) =>
          ('jobId' in entry && entry.jobId === jobId) ||
          (entry.kind === 'lookUp' && entry.taskIds.some((id) => taskIds.has(id))),
      )
      .map((entry) => ({
        who: 'upstream',
        entry: entry.kind === 'lookUp' ? { ...entry, taskIds: entry.taskIds.filter((id) => taskIds.has(id)) } : entry,
      })),
  ].sort((one, other) => one.entry.at - other.entry.at);
  const lines = entries.map(
    ({ who, entry: { at, ...rest } }) => `${new Date(at).toISOString().slice(11, 23)} ${who} ${JSON.stringify(rest)}`,
  );
  const tables = [...jobs.filter((row) => row.id === jobId), ...callbacks.filter((row) => row.jobId === jobId)].map(
    (row) => `table ${JSON.stringify(row)}`,
  );
  return [
    ...lines.slice(0, MAX_LINES),
    ...(lines.length > MAX_LINES ? [`... ${lines.length - MAX_LINES} more`] : []),
    ...tables,
  ];
}
