/** Jobs of any age and state, inserted by SQL so that no test has to wait for a week. */
import type { JobState } from '../../src/jobs/model/job.ts';
import { asAdministrator } from './database.ts';

interface OldJobs {
  readonly count?: number;
  readonly state?: JobState;
  /**
   * Days since the end of the job. Also set for jobs that have not ended, so that only their state prevents their
   * deletion.
   */
  readonly ageDays: number;
  readonly accountId?: string;
  /** Prefix of the idempotency key of each job; the number of the job follows it. */
  readonly key?: string;
  /** Number of callbacks, and of timeline entries, for each job. */
  readonly evidence?: number;
}

/** Inserts the jobs and returns their ids. */
export async function addJobs(
  url: string,
  { count = 1, state = 'SUCCEEDED', ageDays, accountId = 'default', key, evidence = 0 }: OldJobs,
): Promise<string[]> {
  const at = `now() - interval '${ageDays * 24} hours'`;
  const rows = await asAdministrator<{ id: string }>(
    `with added as (
       insert into jobs (id, account_id, state, rank, attempt, upstream_id, sandbox, image_url, video_url, mode, character_orientation, keep_original_sound, watermark, labels,
         idempotency_key, input_hash, result_url, failure_code, attempted_at, completed_at, created_at)
       select gen_random_uuid(), '${accountId}', '${state}', 1003, 1, 'test', true, 'https://a.com/a.png', 'https://a.com/a.mp4', 'STD', 'IMAGE', true, false, '[]',
         ${key === undefined ? 'null' : `'${key}' || number`}, 'v1:' || number, ${state === 'SUCCEEDED' ? `'https://a.com/r.mp4'` : 'null'}, ${state === 'FAILED' ? `'UPSTREAM_FAILED'` : 'null'}, ${at}, ${at}, ${at}
       from generate_series(1, ${count}) number returning id
     ), heard as (
       insert into callbacks (job_id, body_hash, attempt, body, verdict, received_at) select id, number::text, 1, '{}', 'APPLIED', ${at} from added, generate_series(1, ${evidence}) number
     ), happened as (
       insert into job_events (job_id, type, version, at) select id, 'POLL', 1, ${at} from added, generate_series(1, ${evidence}) number
     )
     select id from added`,
    url,
  );
  return rows.map(({ id }) => id);
}

/** Returns the number of rows in each table. */
export async function countRows(
  url: string,
): Promise<{ jobs: number; callbacks: number; timelines: number; spentKeys: number }> {
  const count = (table: string) => `(select count(*)::int from ${table})`;
  const [row] = await asAdministrator<{ jobs: number; callbacks: number; timelines: number; spentKeys: number }>(
    `select ${count('jobs')} as jobs, ${count('callbacks')} as callbacks, ${count('job_events')} as timelines, ${count('spent_keys')} as "spentKeys"`,
    url,
  );
  return row!;
}
