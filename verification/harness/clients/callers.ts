/** Sends callbacks of many tasks at scheduled times, as the upstream would. */
import { setTimeout } from 'node:timers/promises';
import { Pool } from 'undici';
import { createCallbackUrls } from '../../../src/upstream/callback-url.ts';
import { encodeSuccess } from '../../../src/upstream/acedata/wire/result.ts';
import { spreadOf } from '../../proofs/proof.ts';
import type { Random } from '../random.ts';
import type { Harness } from '../harness.ts';
import { videoOf } from '../upstream/task.ts';

const CONNECTIONS_PER_GATEWAY = 128;
/** Longer than the gateway lets a callback wait, so that only the gateway refuses callbacks. */
const TIMEOUT_MS = 60_000;
const INSERT_BATCH = 10_000;
const TICK_MS = 2;
const LOG_EVERY_SECONDS = 30;

export interface Sent {
  readonly plannedMs: number;
  readonly latencyMs: number;
  /** The HTTP status, or the error if there is none. */
  readonly status: string;
}

/**
 * Returns the times at which callbacks are due, in ms from the start. They form a Poisson process, as if many
 * independent tasks ended at this rate.
 */
export function arrivals(random: Random, perSecond: number, seconds: number): number[] {
  const times: number[] = [];
  for (let at = 0; ; times.push(at)) {
    at += (-1_000 * Math.log(1 - random.next())) / perSecond;
    if (at >= 1_000 * seconds) return times;
  }
}

/** Inserts jobs that the upstream is processing and for which their account has reserved quota. Returns their ids. */
export async function prepareJobs(
  harness: { readonly database: Pick<Harness['database'], 'query'> },
  count: number,
  account: string,
): Promise<string[]> {
  const ids: string[] = [];
  await harness.database
    .query(`insert into accounts (id, name, status, quota_taken) values ('${account}', 'An account', 'ACTIVE', ${count})
    on conflict (id) do update set quota_taken = accounts.quota_taken + excluded.quota_taken`);
  for (let left = count; left > 0; left -= INSERT_BATCH) {
    const rows = await harness.database.query<{ id: string }>(`with made as (insert into jobs
      (id, account_id, upstream_id, sandbox, image_url, video_url, prompt, mode, character_orientation, keep_original_sound, watermark, labels, input_hash, state, rank, attempt, task_id, attempted_at, submitted_at, next_poll_at)
      select id, '${account}', 'acedata', false, 'https://media.example.com/a.jpg', 'https://media.example.com/a.mp4', 'A prompt of usual length, for the row to have its usual size', 'STD', 'IMAGE', true, false, '[]', 'v1:', 'PROCESSING', 1000, 1, id, now(), now(), now() + interval '1 day'
      from (select n, uuidv7() as id from generate_series(1, ${Math.min(left, INSERT_BATCH)}) n) made returning id)
      insert into quota_ledger (job_id, kind, account_id) select id, 'RESERVE', '${account}' from made returning job_id as id`);
    ids.push(...rows.map(({ id }) => id));
  }
  await harness.database.query('analyze jobs');
  return ids;
}

export interface Callers {
  /** Returns the path of the callback URL for the first attempt of a job. */
  pathOf(jobId: string): string;
  /**
   * Posts to the instance with this number, modulo the number of instances. Resolves with the HTTP status, or with the
   * error if there is none.
   */
  post(number: number, path: string, body: object): Promise<string>;
  stop(): Promise<unknown>;
}

/** `secret` is the secret of the gateways. */
export function startCallers(gatewayUrls: readonly string[], secret: string): Callers {
  const pools = gatewayUrls.map(
    (url) =>
      new Pool(url, {
        connections: CONNECTIONS_PER_GATEWAY,
        pipelining: 1,
        headersTimeout: TIMEOUT_MS,
        bodyTimeout: TIMEOUT_MS,
        connect: { timeout: TIMEOUT_MS },
      }),
  );
  const urls = createCallbackUrls([secret], () => 'http://gateway');
  return {
    pathOf: (jobId) => new URL(urls.urlFor(jobId, 1)!).pathname,
    post: (number, path, body) =>
      pools[number % pools.length]!.request({
        method: 'POST',
        path,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }).then(
        async ({ statusCode, body: answer }) => (await answer.dump(), String(statusCode)),
        (error: Error) => (error as NodeJS.ErrnoException).code ?? error.name,
      ),
    stop: () => Promise.all(pools.map((pool) => pool.close())),
  };
}

/**
 * Calls `act` at each of these times, in ms from the start, even if earlier calls are still running. Resolves when all
 * calls have ended.
 */
export async function onTime(
  times: readonly number[],
  act: (index: number) => Promise<void>,
  eachSecond: (second: number, begun: number) => void = () => undefined,
): Promise<void> {
  const waiting: Promise<void>[] = [];
  const from = performance.now();
  let second = 0;
  for (let next = 0; next < times.length; await setTimeout(TICK_MS)) {
    for (; next < times.length && times[next]! <= performance.now() - from; next += 1) waiting.push(act(next));
    const now = Math.floor((performance.now() - from) / 1_000);
    if (now > second) eachSecond((second = now), next);
  }
  await Promise.all(waiting);
}

/** Sends for each job, at its time, the callback that its task has succeeded. */
export async function callBack(
  callers: Callers,
  ids: readonly string[],
  times: readonly number[],
  log: (message: string) => void,
): Promise<Sent[]> {
  const sent: Sent[] = [];
  const from = performance.now();
  const post = async (index: number): Promise<void> => {
    const task = { taskId: ids[index]!, traceId: ids[index]! };
    const status = await callers.post(index, callers.pathOf(task.taskId), encodeSuccess(task, videoOf(task)));
    sent.push({ plannedMs: times[index]!, latencyMs: performance.now() - from - times[index]!, status });
  };
  await onTime(times, post, (second, begun) => {
    if (second % LOG_EVERY_SECONDS === 0)
      log(
        `${second} s: ${sent.length} answered, ${begun - sent.length} in flight, p99 ${spreadOf(sent.slice(-LOG_EVERY_SECONDS * 300).map(({ latencyMs }) => latencyMs)).p99} ms`,
      );
  });
  return sent;
}
