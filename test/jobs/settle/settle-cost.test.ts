/**
 * The cost of a settle in PostgreSQL, by the number of endpoints to notify. It is measured in statements, round trips
 * and rows rather than in time.
 */
import { randomUUID } from 'node:crypto';
import { expect, onTestFinished, test } from 'vitest';
import { startSettleStage } from '../../../bench/settle-stage.ts';
import { prepareJobs } from '../../../verification/harness/clients/callers.ts';
import { asAdministrator, createDatabase } from '../../support/database.ts';

const SETTLES = 10;

async function costOf(endpoints: number, eventTypes: string) {
  const databaseUrl = await createDatabase();
  const query = <T extends Record<string, unknown>>(text: string) => asAdministrator<T>(text, databaseUrl);
  const account = randomUUID();
  const jobs = await prepareJobs({ database: { query } }, 2 * SETTLES, account);
  await query(
    `insert into webhook_endpoints (id, account_id, url, host, event_types) select gen_random_uuid(), '${account}', 'https://hooks.example.com/' || n, 'hooks.example.com', '{${eventTypes}}' from generate_series(1, ${endpoints}) n`,
  );
  const stage = startSettleStage(databaseUrl);
  onTestFinished(() => stage.stop());
  // The first settles prepare the statements.
  for (const job of jobs.slice(0, SETTLES)) await stage.settle(job);
  const { statements, roundTrips, rows } = await stage.count(jobs.slice(SETTLES));
  const [{ locked }] = (await query<{ locked: number }>(
    `select count(*)::int as locked from webhook_endpoints where xmax <> '0'`,
  )) as [{ locked: number }];
  return { statements, roundTrips, rows, locked };
}

test('a settle takes five round trips', async () => {
  // BEGIN with the lock of the job; the inbox; the move; the quota, the webhooks and the event together; COMMIT.
  expect((await costOf(1, 'motion_job.succeeded')).roundTrips).toBe(5);
});

test('a settle writes one more row if endpoints subscribe to its event, whether one or a hundred, and locks no endpoint', async () => {
  const [nobody, one, hundred, unwanted] = [
    await costOf(0, 'motion_job.succeeded'),
    await costOf(1, 'motion_job.succeeded'),
    await costOf(100, 'motion_job.succeeded'),
    await costOf(100, 'motion_job.failed'),
  ];
  expect(one).toEqual({ ...nobody, rows: nobody.rows + 1 });
  expect(hundred).toEqual(one);
  expect(unwanted).toEqual(nobody);
  expect(hundred.locked).toBe(0);
});
