/** What resolvers ask for one job at a time, and the store answers for many at once. */
import DataLoader from 'dataloader';
import type { Jobs } from '../jobs/index.ts';
import type { Job } from '../jobs/model/job.ts';
import type { Outlook } from '../jobs/read/queue-outlook.ts';
import { createListTimeline, type ListTimeline } from '../jobs/read/list-events.ts';
import type { AskedEvents } from '../jobs/ports/job-events.ts';

/**
 * Each kind of read takes one connection at a time, however many ask. Nothing is remembered: an answer is never older
 * than its question.
 */
export interface JobReads {
  readonly findOutlook: (job: Job) => Promise<Outlook>;
  readonly listTimeline: ListTimeline;
}

export function createJobReads({
  findOutlooks,
  listEvents,
  eventNames,
}: Pick<Jobs, 'findOutlooks' | 'listEvents' | 'eventNames'>): JobReads {
  const outlooks = createLoader(findOutlooks, ({ id, version }) => `${id} ${version}`);
  const events = createLoader(listEvents, ({ accountId, jobId, afterId, limit }: AskedEvents) =>
    JSON.stringify([accountId, jobId, afterId, limit]),
  );
  return {
    findOutlook: (job) => outlooks.load(job),
    listTimeline: createListTimeline((asked) => events.load(asked), eventNames),
  };
}

/** Keys in one statement. */
const MAX_BATCH = 100;

/** Reads one batch after the other: what is asked for meanwhile waits, and is then read together, once for each key. */
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
    // In a turn of its own: by then all events of one change have asked.
    { cache: false, batchScheduleFn: (dispatch) => void reading.then(() => setImmediate(dispatch)) },
  );
}
