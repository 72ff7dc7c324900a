/** Batches reads that resolvers request one job at a time. */
import DataLoader from 'dataloader';
import type { JobOperations } from '../jobs/operations.ts';
import type { Job } from '../jobs/model/job.ts';
import type { Outlook } from '../jobs/read/queue-outlook.ts';
import { createListTimeline, type ListTimeline } from '../jobs/read/list-events.ts';
import type { AskedEvents } from '../jobs/ports/job-events.ts';

/**
 * Each kind of read uses one connection at a time, however many callers there are. Nothing is cached, so a result is
 * never older than its request.
 */
export interface JobReads {
  readonly findOutlook: (job: Job) => Promise<Outlook>;
  readonly listTimeline: ListTimeline;
}

export function createJobReads({
  findOutlooks,
  listEvents,
  eventNames,
}: Pick<JobOperations, 'findOutlooks' | 'listEvents' | 'eventNames'>): JobReads {
  const outlooks = createLoader(findOutlooks, ({ id, version }) => `${id} ${version}`);
  const events = createLoader(listEvents, ({ accountId, jobId, afterId, limit }: AskedEvents) =>
    JSON.stringify([accountId, jobId, afterId, limit]),
  );
  return {
    findOutlook: (job) => outlooks.load(job),
    listTimeline: createListTimeline((asked) => events.load(asked), eventNames),
  };
}

/** The maximum number of keys in one statement. */
const MAX_BATCH = 100;

/** Reads one batch at a time. Requests that arrive meanwhile form the next batch, which reads each key once. */
function createLoader<K, V>(
  read: (keys: readonly K[]) => Promise<readonly V[]>,
  nameOf: (key: K) => string,
): DataLoader<K, V> {
  async function readOnce(keys: readonly K[]): Promise<V[]> {
    const distinct = [...new Map(keys.map((key) => [nameOf(key), key]))];
    const found = new Map<string, V>();
    for (let start = 0; start < distinct.length; start += MAX_BATCH) {
      const batch = distinct.slice(start, start + MAX_BATCH);
      const values = await read(batch.map(([, key]) => key));
      batch.forEach(([name], index) => found.set(name, values[index]!));
    }
    return keys.map((key) => found.get(nameOf(key))!);
  }

  let reading: Promise<unknown> = Promise.resolve();
  return new DataLoader<K, V>(
    (keys) => {
      const answers = readOnce(keys);
      reading = answers.catch(() => undefined);
      return answers;
    },
    // Deferred to a separate turn of the event loop, when all events of one change have made their requests.
    { cache: false, batchScheduleFn: (dispatch) => void reading.then(() => setImmediate(dispatch)) },
  );
}
