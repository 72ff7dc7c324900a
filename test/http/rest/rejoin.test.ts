/** Tests which requests join which when clients retry automatically: each rule and its negative. */
import { Agent } from 'node:http';
import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { makeAccount } from '../../support/administrator.ts';
import { held, hungUp, sharedJoining, startJoining, type Stage } from '../../support/joining.ts';
import { createRestClient, SEED_BODY } from '../../support/rest.ts';

const common = sharedJoining();
const pair = sharedJoining({}, 2);
const patient = sharedJoining({ REST_RESET_SECONDS: '60' });

describe('a request is joined by its repeat', () => {
  test.each(['close', 'reset'] as const)('when its connection broke before an answer (%s)', async (how) => {
    const stage = common();
    await hungUp(stage, {}, how);
    const repeat = stage.open();
    await stage.finish();
    const { status, body } = await repeat.answer;
    expect([status, body.state, [body.task_id]]).toEqual([200, 'succeed', await stage.jobs()]);
    expect(stage.upstream.submitCount()).toBe(1);
    await expect.poll(stage.states).toEqual(['ANSWERED']);
  });

  test('when the repeat reaches another instance at once, before the broken connection has been detected', async () => {
    const stage = pair();
    const second = stage.gateways[1]!;
    const first = await held(stage);
    first.hangUp();
    const repeat = stage.open({}, undefined, second);
    await stage.finish();
    expect([(await repeat.answer).body.task_id]).toEqual(await stage.jobs());
  });

  test('when it was held for too long and got 504', async () => {
    const stage = await startJoining({ REST_HOLD_SECONDS: '0.2' });
    const { status, body } = await stage.rest.submit();
    expect({ status, body }).toMatchObject({
      status: 504,
      body: { success: false, error: { code: 'timeout' }, task_id: (await stage.jobs())[0] },
    });
    const again = stage.rest.submit();
    await stage.finish();
    let repeat = await again;
    while (repeat.status === 504) repeat = await stage.rest.submit();
    expect(repeat.body).toMatchObject({ state: 'succeed', task_id: body.task_id });
    expect(await stage.jobs()).toHaveLength(1);
  });

  test('when its account was disabled while it was held and has been enabled again', async () => {
    const stage = await startJoining({ SOCKET_RECHECK_SECONDS: '1' });
    const first = stage.open();
    await expect.poll(stage.states).toEqual(['OPEN']);
    await stage.sql(`update accounts set status = 'DISABLED'`);
    expect((await first.answer).status).toBe(403);
    await expect.poll(stage.states).toEqual(['UNANSWERED']);
    await stage.sql(`update accounts set status = 'ACTIVE'`);
    const repeat = stage.open();
    await stage.finish();
    expect([(await repeat.answer).body.task_id]).toEqual(await stage.jobs());
  });

  test('when it got 500 because the job failed, and a repeat does not extend the time in which it can be joined', async () => {
    const stage = common();
    const first = stage.rest.submit();
    (await stage.upstream.nextSubmit()).answer(200, {
      success: false,
      task_id: 'a',
      error: { code: 'api_error', message: 'no' },
    });
    const { status, body } = await first;
    expect([status, body.error?.code]).toEqual([500, 'api_error']);
    await expect.poll(stage.states).toEqual(['UNANSWERED']);
    await stage.sql(`update rest_requests set unanswered_at = unanswered_at - interval '14 min'`);
    const since = await stage.sql('select unanswered_at from rest_requests');
    expect((await stage.rest.submit()).body.task_id).toBe(body.task_id);
    await stage.rest.submit({ prompt: 'sandbox', async: true });
    await expect.poll(stage.states).toEqual(['UNANSWERED', 'ANSWERED']);
    expect(await stage.sql('select unanswered_at from rest_requests order by opened_at limit 1')).toEqual(since);
  });

  test('when its connection was reset after the answer', async () => {
    const stage = patient();
    const first = stage.open({}, new Agent({ keepAlive: true }));
    await stage.finish();
    const { body } = await first.answer;
    expect(await stage.states()).toEqual(['OPEN']);
    first.hangUp('reset');
    await expect.poll(stage.states).toEqual(['UNANSWERED']);
    const again = stage.open();
    expect((await again.answer).body.task_id).toBe(body.task_id);
    await expect.poll(stage.states).toEqual(['ANSWERED']);
  });

  test('when several repeats arrive together, which all get its one job', async () => {
    const stage = pair();
    const second = stage.gateways[1]!;
    await hungUp(stage);
    const repeats = [stage.open(), stage.open({}, undefined, second), stage.open()];
    await expect.poll(() => stage.gateway.live.watchers() + second.live.watchers()).toBe(3);
    await stage.finish();
    const answers = await Promise.all(repeats.map(({ answer }) => answer));
    expect(new Set(answers.map(({ body }) => body.task_id))).toEqual(new Set(await stage.jobs()));
    expect(stage.upstream.submitCount()).toBe(1);
  });

  test('repeatedly when the connections of the repeats break too', async () => {
    const stage = common();
    await hungUp(stage);
    for (let count = 0; count < 3; count += 1) {
      const repeat = stage.open();
      await expect.poll(stage.gateway.live.watchers).toBe(1);
      repeat.hangUp();
      await expect.poll(stage.gateway.live.watchers).toBe(0);
    }
    await stage.finish();
    expect([(await stage.rest.submit()).body.task_id]).toEqual(await stage.jobs());
  });

  test('when the keys of the body are in another order and defaults are explicit', async () => {
    const stage = common();
    await hungUp(stage);
    const { prompt, video_url, image_url } = SEED_BODY;
    const answer = stage.rest.post('/kling/motion', { keep_original_sound: 'yes', prompt, video_url, image_url });
    await stage.finish();
    expect([(await answer).body.task_id]).toEqual(await stage.jobs());
  });

  test('when its instance has died, after the lease has passed without a response from it', async () => {
    const stage = common();
    await held(stage);
    await stage.sql(`update rest_requests set instance_id = '0199c0de-0000-7000-8000-000000000000'`);
    const from = Date.now();
    const repeat = stage.open();
    await expect.poll(stage.gateway.live.watchers).toBe(2);
    expect(Date.now() - from).toBeGreaterThan(1_000);
    await stage.finish();
    expect([(await repeat.answer).body.task_id]).toEqual(await stage.jobs());
  });

  test('when it is asynchronous and its answer could not be written', async () => {
    const stage = common();
    const db = new pg.Client({ connectionString: stage.gateway.databaseUrl });
    await db.connect();
    onTestFinished(() => db.end());
    // The accept waits in the middle of its transaction.
    await db.query('begin; lock table job_events in share mode');
    const first = stage.open({ async: true });
    await expect
      .poll(
        async () =>
          (
            await stage.sql(
              `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
            )
          ).length,
      )
      .toBe(1);
    first.hangUp();
    await db.query('commit');
    await expect.poll(stage.states).toEqual(['UNANSWERED']);
    expect([(await stage.rest.submit({ async: true })).body.task_id]).toEqual(await stage.jobs());
  });

  test('even if it has used up the quota', async () => {
    const stage = common();
    const account = await makeAccount(stage.gateway, { quotaLimit: 1 });
    const theirs = { url: stage.gateway.url, apiKey: account.key };
    const first = stage.open({}, undefined, theirs);
    await expect.poll(stage.upstream.submitCount).toBe(1);
    first.hangUp();
    await expect.poll(stage.states).toEqual(['UNANSWERED']);
    const repeat = stage.open({}, undefined, theirs);
    await expect.poll(stage.gateway.live.watchers).toBe(1);
    repeat.hangUp();
    expect(await createRestClient(theirs).submit({ async: true })).toMatchObject({
      status: 403,
      body: { error: { code: 'used_up' } },
    });
  });
});

describe('a request is not joined', () => {
  const another = async (stage: Stage, more: object = {}) => {
    const before = (await stage.jobs()).length;
    const request = stage.open(more);
    await expect.poll(async () => (await stage.jobs()).length).toBe(before + 1);
    return request;
  };

  test('while its connection is open and healthy, at the same instance and at another', async () => {
    const stage = pair();
    const second = stage.gateways[1]!;
    await held(stage);
    await another(stage);
    stage.open({}, undefined, second);
    await expect.poll(async () => (await stage.jobs()).length).toBe(3);
    expect(await stage.states()).toEqual(['OPEN', 'OPEN', 'OPEN']);
    for (let count = 0; count < 3; count += 1) await stage.finish();
    await expect.poll(stage.states).toEqual(['ANSWERED', 'ANSWERED', 'ANSWERED']);
  });

  test('when it was answered', async () => {
    const stage = common();
    const first = stage.rest.submit();
    await stage.finish();
    const next = first.then(() => stage.rest.submit());
    await stage.finish();
    expect([(await first).body.task_id, (await next).body.task_id]).toEqual(await stage.jobs());
    expect(new Set(await stage.jobs()).size).toBe(2);
  });

  test('when it got a 4xx because the job was rejected', async () => {
    const stage = common();
    const first = stage.rest.submit();
    await stage.fail(403, 'forbidden');
    expect(await first).toMatchObject({
      status: 403,
      body: { error: { code: 'forbidden' }, task_id: (await stage.jobs())[0] },
    });
    await another(stage);
  });

  test('when a repeat has joined it and was answered, even if that has not been recorded yet', async () => {
    const stage = await startJoining({ REST_LEASE_SECONDS: '5' });
    const second = createRestClient(await stage.another());
    await hungUp(stage);
    await stage.sql(`create function be_slow() returns trigger language plpgsql as $$ begin perform pg_sleep(1); return new; end $$;
      create trigger slow before update on rest_requests for each row when (new.state = 'ANSWERED') execute function be_slow()`);
    const joined = stage.open();
    await stage.finish();
    const { body } = await joined.answer;
    const again = second.submit();
    await stage.finish();
    expect([body.task_id, (await again).body.task_id]).toEqual(await stage.jobs());
    expect(await stage.jobs()).toHaveLength(2);
  });

  test('when its answer arrived and the connection was closed cleanly, or was reset after another request on it', async () => {
    const stage = patient();
    const closed = stage.open();
    await stage.finish();
    await closed.answer;
    closed.hangUp();
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const first = stage.open({ prompt: 'one' }, agent);
    await stage.finish();
    await first.answer;
    const second = stage.open({ prompt: 'two' }, agent);
    await stage.finish();
    await second.answer;
    await expect.poll(stage.states).toEqual(['ANSWERED', 'ANSWERED', 'OPEN']);
    second.hangUp('reset');
    await expect.poll(stage.states).toEqual(['ANSWERED', 'ANSWERED', 'UNANSWERED']);
  });

  test('when the reset came too late', async () => {
    const stage = await startJoining({ REST_RESET_SECONDS: '0.05' });
    const first = stage.open({}, new Agent({ keepAlive: true }));
    await stage.finish();
    await first.answer;
    await expect.poll(stage.states).toEqual(['ANSWERED']);
    first.hangUp('reset');
    await another(stage);
    expect(await stage.states()).toEqual(['ANSWERED', 'OPEN']);
  });

  test('by a request with another key, even of the same account', async () => {
    const stage = common();
    await hungUp(stage);
    const { data } = await stage.gateway.client.request<{ createApiKey: { key: string } }>(
      'mutation { createApiKey(input: { name: "x", scopes: [JOBS_WRITE] }) { key } }',
    );
    stage.open({}, undefined, { url: stage.gateway.url, apiKey: data.createApiKey.key });
    await expect.poll(async () => (await stage.jobs()).length).toBe(2);
  });

  test.each([
    { prompt: 'Something else' },
    { mode: 'pro' },
    { keep_original_sound: 'no' },
    { model_name: 'kling-v3' },
    { watermark_info: { enabled: true } },
    { async: true },
    { callback_url: 'https://a.com/cb' },
  ])('by a request with another body: %j', async (more) => {
    const stage = common();
    await hungUp(stage);
    await another(stage, more);
  });

  test('when it was left unanswered too long ago', async () => {
    const stage = await startJoining({ REST_JOIN_SECONDS: '0.5' });
    await hungUp(stage);
    await stage.sql(`update rest_requests set unanswered_at = unanswered_at - interval '0.5 s'`);
    await another(stage);
  });

  test('when its client disconnected before anything was stored, in which case nothing is stored', async () => {
    const stage = await startJoining();
    const db = new pg.Client({ connectionString: stage.gateway.databaseUrl });
    await db.connect();
    onTestFinished(() => db.end());
    await db.query('begin; lock table rest_requests in access exclusive mode');
    const first = stage.open();
    await expect
      .poll(
        async () =>
          (
            await stage.sql(
              `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
            )
          ).length,
      )
      .toBe(1);
    first.hangUp();
    // Once a later connection has been served, the gateway has detected the break.
    await expect.poll(async () => (await fetch(`${stage.gateway.url}/livez`)).status).toBe(200);
    await db.query('commit');
    await expect
      .poll(async () =>
        stage.sql(
          `select 1 from pg_stat_activity where datname = current_database() and application_name = 'motion-gateway' and state <> 'idle'`,
        ),
      )
      .toEqual([]);
    expect(await stage.jobs()).toEqual([]);
  });
});
