/** The cost of a job's fields, for many jobs and many subscribers at once. */
import pino from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createConnections } from '../../src/db/connection/client.ts';
import { createJobStore } from '../../src/db/stores.ts';
import type { Job } from '../../src/jobs/model/job.ts';
import { createListJobs, encodeCursor } from '../../src/jobs/read/list-jobs.ts';
import { createJobWatch } from '../../src/jobs/watch/watch-job.ts';
import { makeAccount } from '../support/administrator.ts';
import { submittingJob } from '../support/life.ts';
import { asAdministrator, createDatabase } from '../support/database.ts';
import { callBack, startFakeUpstream, successOf } from '../support/fake-upstream.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { holdQueries } from '../support/hold.ts';
import { addJobs } from '../support/old-jobs.ts';
import { shared } from '../support/on-end.ts';
import { openSocket, subscribe, type OpenSocket } from '../support/socket.ts';
import { countStatements } from '../support/statements.ts';

const EVENTS = 'from unnest';
/** The read of an outlook; jobs that are not queued have no queue position to read. */
const GATE = 'from "gates"';

interface Page {
  readonly nodes: readonly { readonly type: string; readonly at: string }[];
  readonly pageInfo: { readonly hasNextPage: boolean };
}

/** Writes a job as a state change would, and sends the wake-up. */
const change = ({ databaseUrl }: Pick<TestGateway, 'databaseUrl'>, id: string) =>
  asAdministrator(
    `with changed as (update jobs set version = version + 1, changed_xid = pg_current_xact_id() where id = '${id}' returning id, version, account_id)
     select pg_notify('job_changed', id || ' ' || version || ' ' || account_id) from changed`,
    databaseUrl,
  );

/** Returns the next result of a subscription, and skips other messages. */
async function untilNext({ next }: OpenSocket): Promise<unknown> {
  for (;;) {
    const { type, payload } = await next();
    if (type === 'next') return (payload as { data: unknown }).data;
  }
}

const plain = shared(() => startGateway());

describe('a list', () => {
  test('of 100 jobs reads all their timelines in one statement, and all their outlooks in another', async () => {
    const { databaseUrl } = plain();
    const { id: accountId, client } = await makeAccount(plain());
    await addJobs(databaseUrl, { count: 100, ageDays: 1, evidence: 3, accountId });
    const [events, outlooks] = [countStatements(EVENTS), countStatements(GATE)];
    const { data, errors } = await client.request<{
      motionJobs: { nodes: { timeline: Page; queuePosition: null; estimatedCompletionAt: null }[] };
    }>(
      '{ motionJobs(first: 100) { nodes { queuePosition estimatedCompletionAt timeline(first: 2) { nodes { type } pageInfo { hasNextPage } } } } }',
    );
    expect(errors).toBeUndefined();
    expect(data.motionJobs.nodes).toHaveLength(100);
    for (const { timeline } of data.motionJobs.nodes)
      expect(timeline).toEqual({ nodes: [{ type: 'POLL' }, { type: 'POLL' }], pageInfo: { hasNextPage: true } });
    expect([events(), outlooks()]).toEqual([1, 1]);
  });

  test('returns the events of each job, in the number and from the cursor that each field requests; an invalid field does not affect the others', async () => {
    const { databaseUrl } = plain();
    const { id: accountId, client } = await makeAccount(plain());
    const ids = await addJobs(databaseUrl, { count: 3, ageDays: 1, accountId });
    for (const [index, id] of ids.entries())
      await asAdministrator(
        `insert into job_events (job_id, type, version) select '${id}', 'POLL', ${index} * 10 + number from generate_series(1, 4) number order by number`,
        databaseUrl,
      );
    const first = await client.request<{ motionJob: { timeline: { pageInfo: { endCursor: string } } } }>(
      'query ($id: ID!) { motionJob(id: $id) { timeline(first: 3) { pageInfo { endCursor } } } }',
      { id: ids[1]! },
    );
    const events = countStatements(EVENTS);
    const { data, errors } = await client.request<{
      motionJobs: { nodes: { id: string; two: object; rest: object; bad: null }[] };
    }>(
      'query ($after: String) { motionJobs(first: 3) { nodes { id two: timeline(first: 2) { nodes { version } } rest: timeline(first: 9, after: $after) { nodes { version } } bad: timeline(first: 201) { nodes { id } } } } }',
      { after: first.data.motionJob.timeline.pageInfo.endCursor },
    );
    const byId = new Map(data.motionJobs.nodes.map((node) => [node.id, node]));
    const versions = (...all: number[]) => ({ nodes: all.map((version) => ({ version })) });
    // Event ids increase across all jobs, so a cursor of the second job lies after the first and before the third.
    expect(ids.map((id) => byId.get(id))).toEqual([
      { id: ids[0], two: versions(1, 2), rest: versions(), bad: null },
      { id: ids[1], two: versions(11, 12), rest: versions(14), bad: null },
      { id: ids[2], two: versions(21, 22), rest: versions(21, 22, 23, 24), bad: null },
    ]);
    expect(errors).toHaveLength(3);
    expect(events()).toBe(1);
  });
});

describe('pages of a list', () => {
  test('contain every job once and in a stable order, even if many were accepted in the same millisecond', async () => {
    const url = await createDatabase();
    const connections = createConnections(url, 2, () => undefined);
    onTestFinished(() => connections.pool.end());
    const listJobs = createListJobs(createJobStore(connections));
    for (const at of ['2026-03-01T00:00:00.001Z', '2026-03-01T00:00:00.002Z', '2026-03-01T00:00:00.003Z']) {
      const ids = await addJobs(url, { count: 7, ageDays: 1 });
      await asAdministrator(`update jobs set created_at = '${at}' where id in ('${ids.join(`', '`)}')`, url);
    }
    const expected = (
      await asAdministrator<{ id: string }>('select id from jobs order by created_at desc, id desc', url)
    ).map(({ id }) => id);
    for (const first of [1, 2, 5, 7, 20, 21]) {
      const found: string[] = [];
      let after: string | null = null;
      for (let hasNextPage = true; hasNextPage;) {
        const page = await listJobs('default', { first, after, filter: {} });
        found.push(...page.jobs.map(({ id }) => id));
        const last = page.jobs.at(-1);
        after = last ? encodeCursor(last) : after;
        hasNextPage = page.hasNextPage && last !== undefined;
      }
      expect(found, `pages of ${first}`).toEqual(expected);
    }
  });
});

const WATCH =
  'subscription ($id: ID!) { jobUpdated(id: $id) { version queuePosition timeline(first: 2) { nodes { type } } } }';

describe('a change', () => {
  test('of a job that 320 subscriptions on 4 sockets watch costs as much as for one subscription', async () => {
    const gateway = plain();
    const [id] = await addJobs(gateway.databaseUrl, { ageDays: 1, state: 'PROCESSING', evidence: 3 });
    const sockets = await Promise.all([1, 2, 3, 4].map(() => openSocket(gateway)));
    for (const socket of sockets)
      for (let number = 0; number < 80; number += 1) socket.send(subscribe(String(number), WATCH, { id }));
    for (const socket of sockets) for (let number = 0; number < 80; number += 1) await untilNext(socket);
    const [events, outlooks] = [countStatements(EVENTS), countStatements(GATE)];
    await change(gateway, id!);
    for (const socket of sockets) {
      for (let number = 0; number < 80; number += 1)
        expect(await untilNext(socket)).toEqual({
          jobUpdated: { version: 2, queuePosition: null, timeline: { nodes: [{ type: 'POLL' }, { type: 'POLL' }] } },
        });
    }
    // A second read serves the requests that arrive during the first.
    expect([1, 2]).toContain(events());
    expect([1, 2]).toContain(outlooks());
  });

  test('of 40 watched jobs leaves connections to requests, however long the reads for the watchers take', async () => {
    const gateway = await startGateway({ DATABASE_POOL_SIZE: '4', REST: 'off' });
    const ids = await addJobs(gateway.databaseUrl, { count: 40, ageDays: 1, state: 'PROCESSING', evidence: 1 });
    const socket = await openSocket(gateway);
    for (const id of ids) socket.send(subscribe(id, WATCH, { id }));
    for (let number = 0; number < ids.length; number += 1) await untilNext(socket);
    const held = await holdQueries(gateway.databaseUrl, 'job_events');
    const events = countStatements(EVENTS);
    for (const id of ids) await change(gateway, id);
    await held.waits();
    for (let number = 0; number < 10; number += 1)
      expect((await gateway.client.request('{ motionJobs(first: 1) { nodes { id } } }')).errors).toBeUndefined();
    // One read, and on a busy machine another one if the first has waited for longer than the statement timeout.
    expect(events()).toBeLessThan(4);
    await held.release();
    for (let number = 0; number < ids.length; number += 1) await untilNext(socket);
  });
});

test('requests that occupy every client connection leave a connection for callbacks', async () => {
  const upstream = await startFakeUpstream();
  const gateway = await startGateway({
    ...upstream.settings,
    PUBLIC_URL: 'http://gateway.invalid',
    DATABASE_POOL_SIZE: '3',
  });
  const first = await gateway.client.generate();
  const submit = await upstream.nextSubmit();
  submit.answer(200, { task_id: 'a' });
  await expect.poll(async () => (await gateway.client.find(first.id))?.state).toBe('PROCESSING');
  const held = await holdQueries(gateway.databaseUrl, 'api_keys');
  const crowd = Array.from({ length: 20 }, () => gateway.client.request('{ viewer { account { id } } }'));
  await held.waits();
  expect(await callBack(submit.body.callback_url!.replace('http://gateway.invalid', gateway.url), successOf('a'))).toBe(
    200,
  );
  const states = await asAdministrator<{ state: string }>('select state from jobs', gateway.databaseUrl);
  expect(states).toEqual([{ state: 'SUCCEEDED' }]);
  await held.release();
  await Promise.allSettled(crowd);
});

test('a thousand clients that resume watching at once cause at most four concurrent reads', async () => {
  let reading = 0;
  let most = 0;
  const find = async (accountId: string, id: string): Promise<Job> => {
    most = Math.max(most, (reading += 1));
    await new Promise(setImmediate);
    reading -= 1;
    return { ...submittingJob(), id, accountId };
  };
  const jobWatch = createJobWatch(
    { find, list: async () => [] },
    { subscribe: () => () => undefined },
    pino({ level: 'silent' }),
  );
  onTestFinished(() => jobWatch.stop());
  await Promise.all(Array.from({ length: 1_000 }, (_, index) => jobWatch.watch('a', String(index))));
  expect([jobWatch.count(), most]).toEqual([1_000, 4]);
});
