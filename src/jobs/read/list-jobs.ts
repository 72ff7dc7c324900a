/** Lists an account's jobs, newest first, with keyset cursors: pages do not shift when jobs are added. */
import { isStorableTime, storableTimes } from '../../time/storable-time.ts';
import { isStorableText } from '../model/storable-text.ts';
import type { Job } from '../model/job.ts';
import type { JobFilter, JobReader, ListPosition } from '../ports/job-reader.ts';
import { decodeCursor as decodeUpdatesCursor } from '../model/snapshot.ts';
import { InvalidArgumentError } from '../../errors.ts';

const listLimits = { first: 100, ids: 100, labels: 16 } as const;

export interface JobPage {
  readonly jobs: readonly Job[];
  readonly hasNextPage: boolean;
}

export type ListJobs = (
  accountId: string,
  page: { readonly first: number; readonly after?: string | null; readonly filter: JobFilter },
) => Promise<JobPage>;

/**
 * Creates the list function. It rejects with `InvalidArgumentError` for a page size outside 1 to 100, an invalid
 * cursor, or an invalid filter, such as more than 100 ids.
 */
export function createListJobs(reader: JobReader): ListJobs {
  return async (accountId, { first, after, filter }) => {
    if (first < 1 || first > listLimits.first)
      throw new InvalidArgumentError(`"first" must be between 1 and ${listLimits.first}.`);
    if (filter.ids?.length === 0 || filter.states?.length === 0 || filter.modes?.length === 0)
      return { jobs: [], hasNextPage: false };
    checkFilter(filter);
    const ids = filter.ids?.map(toJobId).filter((id) => id !== null);
    if (ids?.length === 0) return { jobs: [], hasNextPage: false };
    const place = after ? decodeCursor(after) : null;
    const jobs = await reader.list(
      accountId,
      { ...filter, ...(ids && { ids }) },
      place && { createdAt: place.createdAt, id: place.id },
      first + 1,
    );
    return { jobs: jobs.slice(0, first), hasNextPage: jobs.length > first };
  };
}

/** Adds to `listJobs` the cursor from which a client can watch the account without missing a change. */
export function withUpdatesCursor(listJobs: ListJobs, findCursor: (accountId: string) => Promise<string>) {
  return async (
    ...[accountId, page]: Parameters<ListJobs>
  ): Promise<JobPage & { readonly updatesCursor: string | null }> => {
    // Read before the list: a change between the two reads is in the list and is delivered again, but never missed.
    const updatesCursor = page.after ? updatesCursorOf(page.after) : await findCursor(accountId);
    return { ...(await listJobs(accountId, page)), updatesCursor };
  };
}

/** Returns the text in the spelling of a job id; null if it cannot be one, which is known without a query. */
export function toJobId(text: string): string | null {
  const id = text.toLowerCase();
  return /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/.test(id) ? id : null;
}

function checkFilter({ ids, labels, createdAfter, createdBefore }: JobFilter): void {
  if ((ids?.length ?? 0) > listLimits.ids)
    throw new InvalidArgumentError(`"ids" must have at most ${listLimits.ids} entries.`);
  if ((labels?.length ?? 0) > listLimits.labels)
    throw new InvalidArgumentError(`"labels" must have at most ${listLimits.labels} entries.`);
  if (labels?.some(({ key, value }) => !isStorableText(key) || !isStorableText(value)))
    throw new InvalidArgumentError('"labels" must be well-formed Unicode text without NUL characters.');
  for (const time of [createdAfter, createdBefore])
    if (time && !isStorableTime(time)) throw new InvalidArgumentError(storableTimes);
}

/**
 * Encodes a cursor of the list. With `updatesCursor`, it also carries the position from which to watch the account.
 * Every page repeats the position of the first page: clients keep the value of the last page, and a newer position
 * would miss changes to jobs on earlier pages.
 */
export const encodeCursor = ({ createdAt, id }: ListPosition, updatesCursor: string | null = null): string =>
  Buffer.from(`${createdAt.getTime()} ${id}${updatesCursor === null ? '' : ` ${updatesCursor}`}`).toString('base64url');

interface Place extends ListPosition {
  readonly updatesCursor: string | null;
}

function decodeCursor(cursor: string): Place {
  const [time = '', id = '', updatesCursor = null] = Buffer.from(cursor, 'base64url').toString().split(' ');
  const createdAt = new Date(Number(time || NaN));
  const isPlace =
    isStorableTime(createdAt) &&
    toJobId(id) === id &&
    (updatesCursor === null || decodeUpdatesCursor(updatesCursor) !== null);
  // Only one spelling is accepted: base64 and numbers both allow several.
  if (!isPlace || encodeCursor({ createdAt, id }, updatesCursor) !== cursor)
    throw new InvalidArgumentError('"after" is not a cursor of this list.');
  return { createdAt, id, updatesCursor };
}

/**
 * Returns the `updatesCursor` of the first page; null if the cursor does not carry one. Throws `InvalidArgumentError`
 * for an invalid cursor.
 */
export const updatesCursorOf = (after: string): string | null => decodeCursor(after).updatesCursor;
