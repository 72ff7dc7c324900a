/** Listing an account's jobs, newest first, by keyset cursors: a page never shifts when jobs are added. */
import { BadArgumentError } from './errors.ts';
import type { Job } from './job.ts';
import type { JobFilter, JobReader, ListPosition } from './ports.ts';

export const listLimits = { first: 100, ids: 100 } as const;

export interface JobPage {
  readonly jobs: readonly Job[];
  readonly hasNextPage: boolean;
}

export type ListJobs = (accountId: string, page: { readonly first: number; readonly after?: string | null; readonly filter: JobFilter }) => Promise<JobPage>;

/** Rejects with `BadArgumentError` for a page size outside 1 to 100, a cursor that is not ours, or more than 100 ids. */
export function createListJobs(reader: JobReader): ListJobs {
  return async (accountId, { first, after, filter }) => {
    if (first < 1 || first > listLimits.first) throw new BadArgumentError(`"first" is from 1 to ${listLimits.first}.`);
    if ((filter.ids?.length ?? 0) > listLimits.ids) throw new BadArgumentError(`"ids" has at most ${listLimits.ids} entries.`);
    if (filter.ids?.length === 0 || filter.states?.length === 0 || filter.modes?.length === 0) return { jobs: [], hasNextPage: false };
    const ids = filter.ids?.filter(isJobId);
    if (ids?.length === 0) return { jobs: [], hasNextPage: false };
    const jobs = await reader.list(accountId, { ...filter, ...(ids && { ids }) }, after ? decodeCursor(after) : null, first + 1);
    return { jobs: jobs.slice(0, first), hasNextPage: jobs.length > first };
  };
}

/** Whether the text can be a job's id at all; anything else is unknown without asking the store. */
export const isJobId = (text: string): boolean => /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i.test(text);

export const encodeCursor = ({ createdAt, id }: ListPosition): string => Buffer.from(`${createdAt.getTime()} ${id}`).toString('base64url');

function decodeCursor(cursor: string): ListPosition {
  const [time = '', id = ''] = Buffer.from(cursor, 'base64url').toString().split(' ');
  if (!/^\d{1,15}$/.test(time) || !isJobId(id)) throw new BadArgumentError('"after" is not a cursor of this list.');
  return { createdAt: new Date(Number(time)), id };
}
