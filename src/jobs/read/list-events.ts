/** Lists the timeline of a job in pages. */
import { InvalidArgumentError } from '../../errors.ts';
import type { EventNames } from '../model/event-names.ts';
import type { AskedEvents } from '../ports/job-events.ts';
import type { JobEvent } from '../model/job-event.ts';

/** An event with its public name. */
export interface NamedEvent extends JobEvent {
  /** Public id and cursor. `JobEvent.id` is internal. */
  readonly name: string;
}

export interface TimelinePage {
  readonly events: readonly NamedEvent[];
  readonly hasNextPage: boolean;
}

export type ListTimeline = (
  accountId: string,
  jobId: string,
  page: { readonly first: number; readonly after?: string | null },
) => Promise<TimelinePage>;

const MAX_PAGE = 200;

/**
 * Creates the function that lists a timeline. It rejects with `InvalidArgumentError` for a page size outside 1 to 200
 * and for an invalid cursor.
 */
export function createListTimeline(
  listEvents: (asked: AskedEvents) => Promise<readonly JobEvent[]>,
  names: EventNames,
): ListTimeline {
  return async (accountId, jobId, { first, after }) => {
    if (first < 1 || first > MAX_PAGE) throw new InvalidArgumentError(`"first" must be between 1 and ${MAX_PAGE}.`);
    const afterId = after ? names.find(after) : 0;
    if (afterId === null) throw new InvalidArgumentError('"after" is not a cursor of this timeline.');
    const events = await listEvents({ accountId, jobId, afterId, limit: first + 1 });
    return {
      events: events.slice(0, first).map((event) => ({ ...event, name: names.nameOf(event.id) })),
      hasNextPage: events.length > first,
    };
  };
}
