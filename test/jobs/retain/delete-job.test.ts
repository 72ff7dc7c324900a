/** Tests `deleteMotionJob` over GraphQL. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { EXAMPLE, type TestClient } from '../../support/client.ts';
import { asAdministrator } from '../../support/database.ts';
import { callBack, failureOf, startFakeUpstream, successOf } from '../../support/fake-upstream.ts';
import { startGateway } from '../../support/gateway.ts';
import { countRows } from '../../support/old-jobs.ts';
import { shared } from '../../support/on-end.ts';
import { DeleteJob, GenerateMotion } from '../../support/operations.ts';

const deleteJob = async (client: TestClient, id: string) => (await client.run(DeleteJob, { id })).data.deleteMotionJob!;
const generate = async (client: TestClient, input: object) =>
  (await client.run(GenerateMotion, { input: { ...EXAMPLE, ...input } })).data.generateMotion!;

const notFound = {
  deletedId: null,
  userErrors: [{ __typename: 'DeleteRefused', code: 'NOT_FOUND', field: ['input', 'id'] }],
};
const notTerminal = {
  deletedId: null,
  userErrors: [{ __typename: 'DeleteRefused', code: 'NOT_TERMINAL', field: ['input', 'id'] }],
};

async function start() {
  const upstream = await startFakeUpstream();
  return { upstream, gateway: await startGateway({ ...upstream.settings, PUBLIC_URL: 'http://gateway.invalid' }) };
}

const together = shared(start);

/** Creates a job that the upstream has accepted, so that the test can send its callback. */
async function startProcessing(input: object = {}, { upstream, gateway } = together()) {
  const { client } = gateway;
  const job = await client.generate(input);
  const submit = await upstream.nextSubmit();
  const taskId = randomUUID();
  submit.answer(200, { task_id: taskId });
  await expect.poll(async () => (await client.find(job.id))!.state).toBe('PROCESSING');
  return {
    ...gateway,
    upstream,
    job,
    taskId,
    callbackUrl: submit.body.callback_url!.replace('http://gateway.invalid', gateway.url),
  };
}

describe('deleteMotionJob', () => {
  test('deletes a job that has ended, which can then no longer be found, listed, watched or settled', async () => {
    const { client, job, taskId, callbackUrl, databaseUrl } = await startProcessing({}, await start());
    expect(await callBack(callbackUrl, successOf(taskId))).toBe(200);
    const [last] = await Promise.all([client.untilEnd(job.id)]);
    expect(last.state).toBe('SUCCEEDED');

    expect(await deleteJob(client, job.id)).toEqual({ deletedId: job.id, userErrors: [] });
    const { data } = await client.request(
      'query ($id: ID!) { motionJob(id: $id) { id } node(id: $id) { id } motionJobs { nodes { id } } }',
      { id: job.id },
    );
    expect(data).toEqual({ motionJob: null, node: null, motionJobs: { nodes: [] } });
    expect((await client.watch(job.id).next()).value).toMatchObject({
      errors: [{ extensions: { code: 'NOT_FOUND' } }],
    });
    expect(await callBack(callbackUrl, failureOf(taskId))).toBe(404);
    expect(await deleteJob(client, job.id)).toMatchObject(notFound);
    expect(await countRows(databaseUrl)).toMatchObject({ jobs: 0, callbacks: 0, timelines: 0, spentKeys: 0 });
  });

  test.each(['FAILED', 'CANCELED'])('deletes a job that is %s', async (state) => {
    const { client, job, databaseUrl } = await startProcessing();
    await asAdministrator(
      `update jobs set state = '${state}', rank = 1004, failure_code = ${state === 'FAILED' ? `'UPSTREAM_FAILED'` : 'null'}, completed_at = now() where id = '${job.id}'`,
      databaseUrl,
    );
    expect(await deleteJob(client, job.id.toUpperCase())).toEqual({ deletedId: job.id, userErrors: [] });
    expect(await client.find(job.id)).toBeNull();
  });

  test('refuses a job that has not ended, which continues to its end', async () => {
    const { client, job, taskId, callbackUrl, databaseUrl } = await startProcessing();
    for (const state of ['QUEUED', 'SUBMITTING', 'UNCONFIRMED', 'PROCESSING']) {
      // Meanwhile it belongs to another upstream, so that no instance works on it.
      await asAdministrator(
        `update jobs set state = '${state}', upstream_id = 'elsewhere' where id = '${job.id}'`,
        databaseUrl,
      );
      expect(await deleteJob(client, job.id), state).toMatchObject(notTerminal);
    }
    expect(await callBack(callbackUrl, successOf(taskId))).toBe(200);
    expect(await client.find(job.id)).toMatchObject({ state: 'SUCCEEDED' });
  });

  test("answers for another account's job as for an unknown one, and does not delete it", async () => {
    const { client, job, taskId, callbackUrl, databaseUrl } = await startProcessing();
    await callBack(callbackUrl, successOf(taskId));
    await asAdministrator(`update jobs set account_id = 'somebody-else' where id = '${job.id}'`, databaseUrl);
    for (const id of [job.id, randomUUID(), 'no id', '']) expect(await deleteJob(client, id)).toMatchObject(notFound);
    expect(await asAdministrator(`select account_id as owner from jobs where id = '${job.id}'`, databaseUrl)).toEqual([
      { owner: 'somebody-else' },
    ]);
  });

  test('leaves the idempotency key spent, so that neither the same input nor a different one is paid for', async () => {
    const { client, job, taskId, callbackUrl, upstream } = await startProcessing(
      { idempotencyKey: 'order-1' },
      await start(),
    );
    await callBack(callbackUrl, successOf(taskId));
    expect(await generate(client, { idempotencyKey: 'order-1' })).toMatchObject({
      replayed: true,
      job: { id: job.id, state: 'SUCCEEDED' },
    });
    await deleteJob(client, job.id);
    expect(await generate(client, { idempotencyKey: 'order-1' })).toEqual({
      job: null,
      replayed: false,
      userErrors: [
        {
          __typename: 'JobDeleted',
          code: 'JOB_DELETED',
          message: 'The job of this idempotency key was deleted. Use a new key for a new job.',
          field: ['input', 'idempotencyKey'],
        },
      ],
    });
    expect(await generate(client, { idempotencyKey: 'order-1', prompt: 'something else' })).toMatchObject({
      job: null,
      userErrors: [{ code: 'IDEMPOTENCY_KEY_REUSED' }],
    });
    const fresh = await generate(client, { idempotencyKey: 'order-2' });
    expect((await upstream.nextSubmit()).body.callback_url).toContain(fresh.job!.id);
    expect(upstream.submitCount()).toBe(2);
  });

  test('of a job whose failure is only inferred discards the late result', async () => {
    const { client, job, taskId, callbackUrl, databaseUrl } = await startProcessing();
    await asAdministrator(
      `update jobs set state = 'FAILED', rank = 1001, failure_code = 'TIMED_OUT', completed_at = now() where id = '${job.id}'`,
      databaseUrl,
    );
    expect(await client.find(job.id)).toMatchObject({ failure: { final: false } });
    expect(await deleteJob(client, job.id)).toEqual({ deletedId: job.id, userErrors: [] });
    expect(await callBack(callbackUrl, successOf(taskId))).toBe(404);
    expect(
      await asAdministrator(
        `select id from jobs where id = '${job.id}' union all select job_id from callbacks where job_id = '${job.id}'`,
        databaseUrl,
      ),
    ).toEqual([]);
  });

  test('of a job whose submit is answered only afterward causes no error and does not affect the next job', async () => {
    const upstream = await startFakeUpstream();
    const { client, databaseUrl, logs } = await startGateway({ ...upstream.settings, UPSTREAM_MAX_IN_FLIGHT: '1' });
    const job = await client.generate();
    const submit = await upstream.nextSubmit();
    await asAdministrator(
      `update jobs set state = 'FAILED', rank = 1001, failure_code = 'SUBMIT_OUTCOME_UNKNOWN', completed_at = now()`,
      databaseUrl,
    );
    expect(await deleteJob(client, job.id)).toEqual({ deletedId: job.id, userErrors: [] });
    submit.answer(200, { task_id: randomUUID() });
    const next = await client.generate();
    (await upstream.nextSubmit()).answer(200, successOf(randomUUID()));
    expect(await client.untilEnd(next.id)).toMatchObject({ state: 'SUCCEEDED' });
    expect(logs.filter(({ level }) => (level as number) >= 50)).toEqual([]);
  });

  test('ends a watch that has not received the end yet', async () => {
    const { client, job, databaseUrl, live } = await startProcessing();
    const watch = client.watch(job.id);
    await watch.next();
    // The wake-up for the end; the row is read only after the deletion.
    await asAdministrator(
      `with gone as (delete from jobs where id = '${job.id}' returning id) select pg_notify('job_changed', id || ' 99 default') from gone`,
      databaseUrl,
    );
    expect(await watch.next()).toMatchObject({ done: true });
    await expect.poll(() => live.watchers()).toBe(0);
  });
});
