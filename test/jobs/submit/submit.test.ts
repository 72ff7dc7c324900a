import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { asAdministrator, createDatabase } from '../../support/database.ts';
import { callBack, recordOf, startFakeUpstream, successOf, type Submit } from '../../support/fake-upstream.ts';
import { startGateway } from '../../support/gateway.ts';
import { shared } from '../../support/on-end.ts';
import { startProxy } from '../../support/proxy.ts';

const refusal = (code: string) => ({ success: false, error: { code, message: 'no' } });
const quickPolls = { POLL_FIRST_SECONDS: '0.05', POLL_INTERVAL_SECONDS: '0.05' };

async function start(overrides: Record<string, string> = {}) {
  const upstream = await startFakeUpstream();
  const gateway = await startGateway({ ...upstream.settings, PUBLIC_URL: 'http://gateway.invalid', ...overrides });
  const stateOf = async (id: string) => (await gateway.client.find(id))?.state;
  return { upstream, stateOf, ...gateway };
}

describe('a submit', () => {
  const together = shared(() => start());

  test('does not make the client wait for the answer of the upstream', async () => {
    const { client, upstream } = together();
    const job = await client.generate();
    expect(job.state).toBe('QUEUED');
    const submit = await upstream.nextSubmit();
    expect(await client.find(job.id)).toMatchObject({ state: 'SUBMITTING' });
    submit.answer(200, successOf(job.id));
  });

  test('carries the input in the terms of the upstream, and its own callback URL', async () => {
    const { client, upstream } = together();
    const job = await client.generate({
      mode: 'PRO',
      keepOriginalSound: false,
      characterOrientation: 'VIDEO',
      model: 'kling-v3',
      watermark: true,
    });
    const submit = await upstream.nextSubmit();
    const { body } = submit;
    expect(body).toMatchObject({
      mode: 'pro',
      keep_original_sound: 'no',
      character_orientation: 'video',
      model_name: 'kling-v3',
      watermark_info: { enabled: true },
      prompt: 'Make the picture come alive',
    });
    expect(body.callback_url).toMatch(
      new RegExp(`^http://gateway\\.invalid/callbacks/${job.id}/1\\.[\\w-]{8}\\.[\\w-]{43}$`),
    );
    expect(body).not.toHaveProperty('async');
    submit.answer(200, successOf(job.id));
  });

  test('without a public URL requests the task id at once, and the result is found by polling', async () => {
    const upstream = await startFakeUpstream();
    const { client, publicUrl } = await startGateway({ ...upstream.settings, ...quickPolls });
    expect(publicUrl).toBeNull();
    const job = await client.generate();
    const submit = await upstream.nextSubmit();
    expect(submit.body).toMatchObject({ async: true });
    expect(submit.body).not.toHaveProperty('callback_url');
    upstream.records.set('the-task', recordOf('the-task', undefined, successOf('the-task')));
    submit.answer(200, { task_id: 'the-task' });
    expect(await client.untilEnd(job.id)).toMatchObject({ state: 'SUCCEEDED', settledBy: 'POLL' });
  });

  test('whose answer is the finished result settles the job at once', async () => {
    const { client, upstream } = together();
    const job = await client.generate();
    (await upstream.nextSubmit()).answer(200, successOf('the-task'));
    expect(await client.untilEnd(job.id)).toMatchObject({
      state: 'SUCCEEDED',
      settledBy: 'SUBMIT_ANSWER',
      taskId: 'the-task',
    });
  });

  test('that moderation rejects fails the job, and no other job waits for it', async () => {
    const { client, upstream } = together();
    const jobs = [await client.generate(), await client.generate()];
    (await upstream.nextSubmit()).answer(403, refusal('forbidden'));
    (await upstream.nextSubmit()).answer(200, successOf('b'));
    const ends = await Promise.all(jobs.map(({ id }) => client.untilEnd(id)));
    expect(ends).toMatchObject([
      { state: 'FAILED', failure: { code: 'CONTENT_REJECTED', final: true, charge: 'NOT_CHARGED' } },
      { state: 'SUCCEEDED' },
    ]);
  });

  test('that is rate limited is requeued and sent again after a pause', async () => {
    const { client, upstream, stateOf, url } = await start();
    const job = await client.generate();
    const first = await upstream.nextSubmit();
    first.answer(429, refusal('too_many_requests'));
    await expect.poll(() => stateOf(job.id)).toBe('QUEUED');
    expect(await (await fetch(`${url}/readyz`)).json()).toMatchObject({ status: 'degraded', upstream: 'paused' });
    const second = await upstream.nextSubmit();
    expect(second.body.callback_url).not.toBe(first.body.callback_url);
    second.answer(200, successOf('a'));
    expect(await client.untilEnd(job.id)).toMatchObject({ state: 'SUCCEEDED' });
    expect(await (await fetch(`${url}/readyz`)).json()).toMatchObject({ status: 'ok' });
  });

  test.each(['used_up', 'disabled', 'invalid_token'])(
    'that is refused with %s keeps every job queued, and is reported by /readyz and the log',
    async (code) => {
      const { client, upstream, stateOf, url, logs } = await start();
      const jobs = [await client.generate(), await client.generate()];
      (await upstream.nextSubmit()).answer(403, refusal(code));
      // The second submit may have passed the gate before the first was refused.
      await expect
        .poll(async () => {
          if (upstream.submitCount() > 1)
            (
              await Promise.race([upstream.nextSubmit(), new Promise<null>((resolve) => setImmediate(resolve, null))])
            )?.answer(403, refusal(code));
          return Promise.all(jobs.map(({ id }) => stateOf(id)));
        })
        .toEqual(['QUEUED', 'QUEUED']);
      expect(await (await fetch(`${url}/readyz`)).json()).toMatchObject({ status: 'degraded', upstream: 'paused' });
      expect(logs).toContainEqual(expect.objectContaining({ level: 50, reason: code }));
    },
  );
});

describe('a submit with an unknown outcome', () => {
  const together = shared(() => start({ ...quickPolls, SUBMIT_TIMEOUT_SECONDS: '0.3' }));

  test.each<[string, (submit: Submit) => void]>([
    ['cut off', (submit) => submit.cut()],
    ['answered 500', (submit) => submit.answer(500, refusal('api_error'))],
    ['answered 504', (submit) => submit.answer(504, '<html></html>')],
    ['answered with an unreadable body', (submit) => submit.answer(200, '{"task_id": "')],
    ['not answered in time', () => undefined],
  ])('because it was %s is never sent again, and a callback settles the job', async (_name, fate) => {
    const { client, upstream, url, databaseUrl } = together();
    // Two of these shut the gate, which another test covers.
    await asAdministrator(`update gates set faults = '[]'`, databaseUrl);
    const before = upstream.submitCount();
    const job = await client.generate();
    const submit = await upstream.nextSubmit();
    fate(submit);
    await expect.poll(async () => (await client.find(job.id))!.state).toBe('UNCONFIRMED');

    const taskId = randomUUID();
    upstream.records.set(taskId, recordOf(taskId, submit.body.callback_url, successOf(taskId)));
    expect(await callBack(submit.body.callback_url!.replace('http://gateway.invalid', url), successOf(taskId))).toBe(
      200,
    );
    expect(await client.untilEnd(job.id)).toMatchObject({ state: 'SUCCEEDED', taskId, settledBy: 'POLL' });
    expect(upstream.submitCount()).toBe(before + 1);
  });

  test('shuts the gate if there are two; the status is no longer degraded once the pause ends and no job waits', async () => {
    const { client, upstream, stateOf, url } = await start({ POLL_FIRST_SECONDS: '60' });
    const ready = async () => (await (await fetch(`${url}/readyz`)).json()) as object;
    const jobs = [await client.generate(), await client.generate()];
    for (const submit of [await upstream.nextSubmit(), await upstream.nextSubmit()]) submit.cut();
    await expect.poll(ready).toMatchObject({ status: 'degraded', upstream: 'paused' });
    await expect.poll(() => Promise.all(jobs.map(({ id }) => stateOf(id)))).toEqual(['UNCONFIRMED', 'UNCONFIRMED']);
    await expect.poll(ready).toMatchObject({ status: 'ok', upstream: 'ok' });
  });

  test('and no further news fails the job at the deadline as possibly charged; a late callback still makes it succeed', async () => {
    const { client, upstream, url } = await start({ ...quickPolls, JOB_DEADLINE_SECONDS: '0.5' });
    const job = await client.generate();
    const submit = await upstream.nextSubmit();
    submit.cut();
    expect(await client.untilEnd(job.id)).toMatchObject({
      state: 'FAILED',
      settledBy: 'DEADLINE',
      failure: { code: 'SUBMIT_OUTCOME_UNKNOWN', charge: 'POSSIBLY_CHARGED', final: false },
    });

    const taskId = randomUUID();
    upstream.records.set(taskId, recordOf(taskId, submit.body.callback_url, successOf(taskId)));
    await callBack(submit.body.callback_url!.replace('http://gateway.invalid', url), successOf(taskId));
    await expect.poll(() => client.find(job.id)).toMatchObject({ state: 'SUCCEEDED', failure: null, taskId });
    expect(upstream.submitCount()).toBe(1);
  });

  test('because its submitter died makes the job UNCONFIRMED when the lease expires, and is not sent again', async () => {
    const { client, upstream, stateOf, databaseUrl } = await start();
    const job = await client.generate();
    await upstream.nextSubmit();
    await asAdministrator(`update jobs set lease_expires_at = now() - interval '1 second'`, databaseUrl);
    await expect.poll(() => stateOf(job.id)).toBe('UNCONFIRMED');
    expect(upstream.submitCount()).toBe(1);
  });
});

describe('a submit that was never sent', () => {
  test('is requeued, and sent once the upstream is reachable again', async () => {
    const upstream = await startFakeUpstream();
    const { createServer } = await import('node:net');
    // A proxy that is closed at first: nothing listens on the address that the gateway uses.
    const door = createServer((socket) => {
      const { port } = new URL(upstream.url);
      import('node:net').then(
        ({ connect }) => void socket.pipe(connect(Number(port), '127.0.0.1')).pipe(socket),
        () => undefined,
      );
      socket.on('error', () => undefined);
    });
    const port = await new Promise<number>((resolve) => {
      door.listen(0, '127.0.0.1', () => resolve((door.address() as { port: number }).port));
    });
    await new Promise((resolve) => door.close(resolve));
    const { client, url } = await startGateway({ ...upstream.settings, ACEDATA_BASE_URL: `http://127.0.0.1:${port}` });
    const job = await client.generate();
    await expect
      .poll(async () => (await (await fetch(`${url}/readyz`)).json()) as object)
      .toMatchObject({ upstream: 'paused' });
    expect(await client.find(job.id)).toMatchObject({ state: 'QUEUED' });
    door.listen(port, '127.0.0.1');
    (await upstream.nextSubmit()).answer(200, successOf('a'));
    expect(await client.untilEnd(job.id)).toMatchObject({ state: 'SUCCEEDED' });
    await new Promise((resolve) => door.close(resolve));
  });
});

describe('the gate', () => {
  test('admits no more jobs than its limit across two instances, and the next one when a slot is free', async () => {
    const upstream = await startFakeUpstream();
    const databaseUrl = await createDatabase();
    const settings = { ...upstream.settings, ...quickPolls, DATABASE_URL: databaseUrl, UPSTREAM_MAX_IN_FLIGHT: '2' };
    const [a, b] = [await startGateway(settings), await startGateway(settings)];
    const jobs = await Promise.all(Array.from({ length: 6 }, (_, index) => (index % 2 ? a : b).client.generate()));
    const inFlight = async () =>
      (
        await asAdministrator<{ count: number }>(
          `select count(*)::int as count from jobs where state in ('SUBMITTING', 'PROCESSING', 'UNCONFIRMED')`,
          databaseUrl,
        )
      )[0]!.count;
    for (let done = 0; done < 6; done += 1) {
      const submit = await upstream.nextSubmit();
      expect(await inFlight()).toBeLessThanOrEqual(2);
      submit.answer(200, successOf(`task-${done}`));
    }
    for (const { id } of jobs) expect(await a.client.untilEnd(id)).toMatchObject({ state: 'SUCCEEDED' });
    expect(upstream.submitCount()).toBe(6);
  });

  test('admits jobs in the order of acceptance', async () => {
    const { client, upstream } = await start({ UPSTREAM_MAX_IN_FLIGHT: '1' });
    for (const prompt of ['1', '2', '3', '4']) await client.generate({ prompt });
    for (const prompt of ['1', '2', '3', '4']) {
      const submit = await upstream.nextSubmit();
      expect(submit.body.prompt).toBe(prompt);
      submit.answer(200, successOf(prompt));
    }
  });

  test('spaces submits by the rate limit', async () => {
    const { client, upstream, databaseUrl } = await start({ UPSTREAM_SUBMITS_PER_SECOND: '4' });
    const jobs = [await client.generate(), await client.generate(), await client.generate()];
    for (const { id } of jobs) {
      (await upstream.nextSubmit()).answer(200, successOf(id));
      await client.untilEnd(id);
    }
    const rows = await asAdministrator<{ at: Date }>(
      'select attempted_at as at from jobs order by attempted_at',
      databaseUrl,
    );
    const gaps = rows.slice(1).map(({ at }, index) => at.getTime() - rows[index]!.at.getTime());
    for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(240);
  });
});

describe('an answer to a submit', () => {
  test('survives a database outage that begins before the answer arrives', async () => {
    const upstream = await startFakeUpstream();
    const proxy = await startProxy(await createDatabase());
    const { client } = await startGateway({ ...upstream.settings, DATABASE_URL: proxy.url });
    const job = await client.generate();
    const submit = await upstream.nextSubmit();
    await proxy.cut();
    submit.answer(200, { task_id: 'a' });
    await expect
      .poll(async () => (await client.request('query ($id: ID!) { motionJob(id: $id) { id } }', { id: job.id })).errors)
      .toBeDefined();
    await proxy.restore();
    await expect.poll(() => client.find(job.id)).toMatchObject({ state: 'PROCESSING', taskId: 'a' });
    expect(upstream.submitCount()).toBe(1);
  });
});

describe('a deadline', () => {
  const together = shared(() => start({ JOB_DEADLINE_SECONDS: '3' }));

  test('looks up the task first: a job that the upstream has finished does not fail', async () => {
    const { client, upstream } = together();
    const job = await client.generate();
    const submit = await upstream.nextSubmit();
    upstream.records.set('a', recordOf('a', submit.body.callback_url, successOf('a')));
    submit.answer(200, { task_id: 'a' });
    const states: string[] = [];
    for await (const { data } of client.watch(job.id)) states.push(data!.jobUpdated.state);
    expect(states).not.toContain('FAILED');
    expect(states.at(-1)).toBe('SUCCEEDED');
  });

  test('also ends a job that belongs to another upstream', async () => {
    const { client, upstream, databaseUrl } = together();
    const job = await client.generate();
    (await upstream.nextSubmit()).answer(200, { task_id: 'b' });
    await asAdministrator(
      `update jobs set upstream_id = 'another', attempted_at = now() - interval '1 hour' where id = '${job.id}'`,
      databaseUrl,
    );
    expect(await client.untilEnd(job.id)).toMatchObject({ state: 'FAILED', failure: { code: 'TIMED_OUT' } });
  });

  test('ends a job whose task is still running, and a late result makes it succeed', async () => {
    const { client, upstream } = await start({ ...quickPolls, JOB_DEADLINE_SECONDS: '1' });
    const job = await client.generate();
    const submit = await upstream.nextSubmit();
    upstream.records.set('a', recordOf('a', submit.body.callback_url));
    submit.answer(200, { task_id: 'a' });
    expect(await client.untilEnd(job.id)).toMatchObject({
      state: 'FAILED',
      failure: { code: 'TIMED_OUT', final: false },
    });
    upstream.records.set('a', recordOf('a', submit.body.callback_url, successOf('a')));
    await expect.poll(() => client.find(job.id)).toMatchObject({ state: 'SUCCEEDED', settledBy: 'POLL' });
  });

  test('ends a job whose task look-ups do not find, and reports that the upstream lost it', async () => {
    const { client, upstream } = await start({ ...quickPolls, JOB_DEADLINE_SECONDS: '3' });
    const job = await client.generate();
    (await upstream.nextSubmit()).answer(200, { task_id: 'a' });
    expect(await client.untilEnd(job.id)).toMatchObject({
      state: 'FAILED',
      failure: { code: 'UPSTREAM_LOST', charge: 'POSSIBLY_CHARGED' },
    });
    expect(upstream.submitCount()).toBe(1);
  });

  test('ends a job that waited too long in the queue, without a charge', async () => {
    const { client, upstream } = await start({ UPSTREAM_MAX_IN_FLIGHT: '1', QUEUE_DEADLINE_SECONDS: '0.3' });
    await client.generate();
    await upstream.nextSubmit();
    const waiting = await client.generate();
    expect(await client.untilEnd(waiting.id)).toMatchObject({
      state: 'FAILED',
      failure: { code: 'QUEUE_EXPIRED', charge: 'NOT_CHARGED', final: true },
    });
    expect(upstream.submitCount()).toBe(1);
  });
});

test('a queued job of another upstream is never sent, and fails', async () => {
  const { client, upstream, databaseUrl } = await start({ UPSTREAM_MAX_IN_FLIGHT: '1' });
  await client.generate();
  await upstream.nextSubmit();
  const queued = await client.generate();
  await asAdministrator(
    `update jobs set upstream_id = 'another', created_at = now() - interval '6 minutes' where id = '${queued.id}'`,
    databaseUrl,
  );
  expect(await client.untilEnd(queued.id)).toMatchObject({
    state: 'FAILED',
    failure: { code: 'UPSTREAM_CHANGED', charge: 'NOT_CHARGED' },
  });
  expect(upstream.submitCount()).toBe(1);
});
