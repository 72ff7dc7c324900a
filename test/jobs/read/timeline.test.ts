import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { asAdministrator, createDatabase } from '../../support/database.ts';
import { EXAMPLE } from '../../support/client.ts';
import { callBack, recordOf, startFakeUpstream, successOf } from '../../support/fake-upstream.ts';
import { startGateway } from '../../support/gateway.ts';
import { shared } from '../../support/on-end.ts';

interface Event {
  readonly type: string;
  readonly state: string | null;
  readonly [field: string]: unknown;
}

const TIMELINE = `query ($id: ID!, $first: Int! = 50, $after: String) {
  motionJob(id: $id) {
    timeline(first: $first, after: $after) {
      nodes { id at type state version attempt submitEnd httpStatus upstreamTraceId verdict message }
      pageInfo { hasNextPage endCursor }
    }
  }
}`;

type Page = {
  motionJob: { timeline: { nodes: Event[]; pageInfo: { hasNextPage: boolean; endCursor: string } } | null } | null;
};

async function start() {
  const upstream = await startFakeUpstream();
  const gateway = await startGateway({
    ...upstream.settings,
    PUBLIC_URL: 'http://gateway.invalid',
    POLL_FIRST_SECONDS: '0.05',
    POLL_INTERVAL_SECONDS: '0.05',
  });
  const read = async (id: string, variables: object = {}) =>
    (await gateway.client.request<Page>(TIMELINE, { id, ...variables })).data.motionJob!.timeline!;
  return { upstream, ...gateway, read };
}

describe('a timeline', () => {
  test('contains acceptance, each attempt with its end, each callback with its verdict, and the resulting states', async () => {
    const { client, upstream, url, read } = await start();
    const job = await client.generate();
    (await upstream.nextSubmit()).answer(429, {
      error: { code: 'too_many_requests', message: 'slow down' },
      trace_id: 'trace-1',
    });
    const submit = await upstream.nextSubmit();
    submit.answer(504, '<html></html>');
    await expect.poll(async () => (await client.find(job.id))!.state).toBe('UNCONFIRMED');
    const callbackUrl = submit.body.callback_url!.replace('http://gateway.invalid', url);
    await callBack(callbackUrl, 'not JSON');
    const taskId = randomUUID();
    upstream.records.set(taskId, recordOf(taskId, submit.body.callback_url, successOf(taskId)));
    await callBack(callbackUrl, successOf(taskId));
    await client.untilEnd(job.id);
    await callBack(callbackUrl, { ...successOf(taskId), extra: 1 });

    const { nodes } = await read(job.id);
    expect(nodes).toMatchObject([
      { type: 'ACCEPTED', state: 'QUEUED', version: 1 },
      { type: 'ATTEMPT_BEGUN', state: 'SUBMITTING', attempt: 1 },
      {
        type: 'ATTEMPT_ENDED',
        state: 'QUEUED',
        attempt: 1,
        submitEnd: 'REFUSED',
        httpStatus: 429,
        upstreamTraceId: 'trace-1',
      },
      { type: 'ATTEMPT_BEGUN', state: 'SUBMITTING', attempt: 2 },
      { type: 'ATTEMPT_ENDED', state: 'UNCONFIRMED', attempt: 2, submitEnd: 'AMBIGUOUS', httpStatus: 504 },
      { type: 'CALLBACK', state: null, verdict: 'PENDING', attempt: 2 },
      { type: 'CALLBACK', state: null, verdict: 'PENDING', attempt: 2 },
      { type: 'CLAIM_JUDGED', state: null, verdict: 'CONFIRMED' },
      { type: 'POLL', state: 'SUCCEEDED' },
      { type: 'CALLBACK', state: null, verdict: 'REPEATED' },
    ]);
    const text = JSON.stringify(nodes);
    expect(text).not.toContain('sign=secret');
    expect(text).not.toContain(callbackUrl.split('/').at(-1));
  });

  test('contains a requested cancellation and the cancellation that results', async () => {
    const { client, upstream, read } = await start();
    const job = await client.generate();
    const submit = await upstream.nextSubmit();
    await client.request('mutation ($id: ID!) { cancelMotionJob(input: { id: $id }) { job { id } } }', { id: job.id });
    submit.answer(429, { error: { code: 'too_many_requests', message: 'slow down' } });
    await client.untilEnd(job.id);
    const { nodes } = await read(job.id);
    expect(nodes.map(({ type, state }) => [type, state])).toEqual([
      ['ACCEPTED', 'QUEUED'],
      ['ATTEMPT_BEGUN', 'SUBMITTING'],
      ['CANCEL_REQUESTED', null],
      ['ATTEMPT_ENDED', 'QUEUED'],
      ['CANCELED', 'CANCELED'],
    ]);
  });

  test('is read in pages that do not shift when older events are deleted', async () => {
    const { client, upstream, read, databaseUrl } = await start();
    const job = await client.generate();
    (await upstream.nextSubmit()).answer(200, { task_id: 'a' });
    await expect.poll(async () => (await read(job.id)).nodes.length).toBe(3);
    const first = await read(job.id, { first: 2 });
    expect(first.nodes.map(({ type }) => type)).toEqual(['ACCEPTED', 'ATTEMPT_BEGUN']);
    expect(first.pageInfo.hasNextPage).toBe(true);
    const second = await read(job.id, { first: 2, after: first.pageInfo.endCursor });
    expect(second.nodes.map(({ type }) => type)).toEqual(['ATTEMPT_ENDED']);
    expect(second.pageInfo.hasNextPage).toBe(false);
    // Ids are unique, stable when older events are deleted, and do not reveal a sequence.
    const ids = [...first.nodes, ...second.nodes].map(({ id }) => String(id));
    expect(ids).toEqual((await read(job.id)).nodes.map(({ id }) => id));
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect(id).toMatch(/^[\w-]{22}$/);
    const other = await client.generate();
    const [theirs] = (await read(other.id, { first: 1 })).nodes;
    expect(ids).not.toContain(theirs!.id);
    await asAdministrator(`delete from job_events where job_id = '${job.id}' and type = 'ACCEPTED'`, databaseUrl);
    expect((await read(job.id)).nodes.map(({ id }) => id)).toEqual(ids.slice(1));
    expect((await read(job.id, { first: 2, after: first.pageInfo.endCursor })).nodes.map(({ id }) => id)).toEqual(
      ids.slice(2),
    );
  });

  const refusing = shared(start);
  test.each([[{ first: 0 }], [{ first: 201 }], [{ after: 'nonsense' }]])(
    'rejects %j, and the job is still returned',
    async (variables) => {
      const { client } = refusing();
      const job = await client.generate();
      const { data, errors } = await client.request<Page>(TIMELINE, { id: job.id, ...variables });
      expect(data.motionJob).toEqual({ timeline: null });
      expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
    },
  );
});

test('the end of an attempt that is recorded twice appears once', async () => {
  const { startCore, accepted } = await import('../../support/core.ts');
  const { accept, dispatcher, play, store, signal } = await startCore();
  const id = await accept();
  play.submit = () => Promise.resolve(accepted('a'));
  const claimed = await dispatcher.claimNext();
  if (claimed.kind !== 'job') throw new Error(claimed.kind);
  await dispatcher.submit(claimed.job, signal);
  await dispatcher.submit(claimed.job, signal);
  const asked = { accountId: 'default', jobId: id, afterId: 0, limit: 10 };
  // Each query has its own account: events of one account are not returned to another in the same statement.
  const [mine, others] = await store.listEvents([asked, { ...asked, accountId: 'somebody else' }]);
  expect(mine!.map(({ type }) => type)).toEqual(['ATTEMPT_BEGUN', 'ATTEMPT_ENDED']);
  expect(others).toEqual([]);
});

/**
 * Both faults make the timeline fail for the gateway's role, but not the acceptance of a job, which writes to the same
 * table.
 */
const faults: readonly [string, (role: string) => string][] = [
  ['INTERNAL_SERVER_ERROR', (role) => `revoke select on job_events from ${role}`],
  [
    'SERVICE_UNAVAILABLE',
    () => `create function fail() returns boolean language plpgsql as $$ begin raise exception 'too many connections' using errcode = '53300'; end $$;
      alter table job_events enable row level security; create policy reads on job_events for select using (fail()); create policy writes on job_events for insert with check (true)`,
  ],
];

test.each(faults)('%s after a job was accepted carries mayHaveBeenAccepted', async (code, breakTimeline) => {
  const databaseUrl = await createDatabase();
  const role = `clerk_${randomUUID().slice(0, 8)}`;
  await asAdministrator(
    `create role ${role} login password 'clerk'; grant all on all tables in schema public to ${role}; grant all on schema drizzle to ${role}; grant all on all tables in schema drizzle to ${role}; grant create on database ${new URL(databaseUrl).pathname.slice(1)} to ${role}; ${breakTimeline(role)}`,
    databaseUrl,
  );
  const url = new URL(databaseUrl);
  [url.username, url.password] = [role, 'clerk'];
  const upstream = await startFakeUpstream();
  const { client } = await startGateway({ ...upstream.settings, DATABASE_URL: url.href });
  const generate = (fields: string) =>
    client.request<{ generateMotion: object }>(
      `mutation ($input: GenerateMotionInput!) { generateMotion(input: $input) { job { id ${fields} } } }`,
      { input: EXAMPLE },
    );
  const failed = await generate('timeline(first: 1) { nodes { id } }');
  expect(failed.errors).toMatchObject([
    { path: ['generateMotion', 'job', 'timeline'], extensions: { code, mayHaveBeenAccepted: true } },
  ]);
  expect(failed.data.generateMotion, 'the accepted job is in the answer').toMatchObject({
    job: { id: expect.any(String) as string },
  });
  const { job } = failed.data.generateMotion as { job: { id: string } };
  const read = await client.request('query ($id: ID!) { motionJob(id: $id) { timeline(first: 1) { nodes { id } } } }', {
    id: job.id,
  });
  expect(read.errors, 'a read accepts nothing').toMatchObject([{ extensions: { code } }]);
  expect(read.errors![0]!.extensions).not.toHaveProperty('mayHaveBeenAccepted');
  expect((await generate('')).errors).toBeUndefined();
});
