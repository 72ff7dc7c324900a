/**
 * Tests repeats at the moment of the answer, repeats through proxies, and intended repeats. The evidence from the
 * connection decides which of them join.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Agent, type IncomingMessage } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { holdQueries } from '../../support/hold.ts';
import { hungUp, sharedJoining, startJoining, type Stage } from '../../support/joining.ts';
import { openSubmit } from '../../support/rest.ts';

/** Runs `work` and calls `listener` for each answer in this process as soon as the kernel has accepted it. */
async function onFinish(
  listener: (message: { request: IncomingMessage }) => void,
  work: () => Promise<unknown>,
): Promise<void> {
  const seen = new Promise<void>((resolve) => {
    const told = (message: unknown): void => {
      listener(message as { request: IncomingMessage });
      resolve();
    };
    subscribe('http.server.response.finish', told);
    onTestFinished(() => void unsubscribe('http.server.response.finish', told));
  });
  await work();
  await seen;
}

/** Sends an asynchronous submit as a proxy does. */
const viaProxy = ({ rest }: Stage) => rest.submit({ async: true }, { 'x-forwarded-for': '192.0.2.1' });

const common = sharedJoining();

describe('a request is joined by its repeat', () => {
  test.each(['close', 'keep-alive'])(
    'when its connection (%s) breaks as the answer is written, and the repeat reaches another instance at once',
    async (connection) => {
      const stage = await startJoining({ REST_RESET_SECONDS: '60', REST_CLOSE_SECONDS: '2', REST_LEASE_SECONDS: '10' });
      const second = await stage.another();
      const first = stage.open({}, connection === 'close' ? undefined : new Agent({ keepAlive: true }));
      // The answer is in the client's kernel, but the client has not read it: it closes, and its kernel sends a reset.
      const hangUp = ({ request }: { request: IncomingMessage }): void =>
        void (request.socket.remotePort === first.request.socket?.localPort && first.hangUp('close'));
      await onFinish(hangUp, () => stage.finish());
      await expect(first.answer).rejects.toThrow();
      const repeat = await openSubmit(second).answer;
      expect([repeat.status, [repeat.body.task_id]]).toEqual([200, await stage.jobs()]);
      expect(stage.upstream.submitCount()).toBe(1);
    },
  );

  test('for as long after a repeat that is still held as after one that has ended', async () => {
    const stage = await startJoining({ REST_HOLD_SECONDS: '60' });
    await hungUp(stage);
    const [jobId] = await stage.jobs();
    const repeat = stage.open();
    const left = async () =>
      (
        await stage.sql<{ left: number }>(
          'select extract(epoch from unanswered_at - now())::int as left from rest_requests',
        )
      )[0]!.left;
    await expect.poll(left).toBeGreaterThan(50);
    // As if REST_JOIN_SECONDS had passed since the first request was left unanswered. The repeat is still held.
    await stage.sql(`update rest_requests set unanswered_at = unanswered_at - interval '900 s'`);
    const second = stage.open();
    await stage.finish();
    expect([(await repeat.answer).body.task_id, (await second.answer).body.task_id]).toEqual([jobId, jobId]);
    expect(await stage.jobs()).toEqual([jobId]);
  });

  test('for no longer than usual when the job of a held repeat fails', async () => {
    const stage = await startJoining({ REST_HOLD_SECONDS: '60' });
    await hungUp(stage);
    const repeat = stage.open();
    const left = async () =>
      (
        await stage.sql<{ left: number }>(
          'select extract(epoch from unanswered_at - now())::int as left from rest_requests',
        )
      )[0]!.left;
    await expect.poll(left).toBeGreaterThan(50);
    (await stage.upstream.nextSubmit()).answer(200, {
      success: false,
      task_id: 'a',
      error: { code: 'api_error', message: 'no' },
    });
    expect((await repeat.answer).status).toBe(500);
    await expect.poll(left).toBeLessThanOrEqual(0);
  });

  test('when the client of an earlier repeat disconnected while the gateway looked up the request that it repeats', async () => {
    const stage = await startJoining();
    const { databaseUrl, logs, url } = stage.gateway;
    const first = await stage.rest.submit({ async: true });
    await expect.poll(stage.states).toEqual(['ANSWERED']);
    await stage.sql(
      `update rest_requests set state = 'UNANSWERED', unanswered_at = clock_timestamp() - interval '1 minute'`,
    );
    const look = await holdQueries(databaseUrl, 'rest_requests');
    const second = stage.open({ async: true });
    await look.waits();
    second.hangUp('reset');
    await expect(second.answer).rejects.toThrow();
    // The gateway receives the reset before these requests.
    for (let count = 0; count < 2; count += 1) await fetch(`${url}/livez`);
    await look.release();
    await expect.poll(() => logs.filter(({ accept }) => accept === 'joined')).toHaveLength(1);
    // It is recorded as unanswered again.
    await expect
      .poll(() => stage.sql(`select state from rest_requests where unanswered_at > now() - interval '30 s'`))
      .toEqual([{ state: 'UNANSWERED' }]);
    // As if a record of an open connection had been written last: the instance must not confirm that the connection is
    // open.
    await stage.sql(
      `update rest_requests set state = 'OPEN', opened_at = clock_timestamp(), unanswered_at = null, asked_at = null, confirmed_at = null`,
    );
    const third = await stage.rest.submit({ async: true });
    expect([third.body.task_id, await stage.jobs()]).toEqual([first.body.task_id, [first.body.task_id]]);
  });

  test('when its answer went to a proxy within REST_DOUBT_SECONDS, whether or not the client received it', async () => {
    const stage = common();
    const first = await viaProxy(stage);
    expect((await viaProxy(stage)).body.task_id).toBe(first.body.task_id);
    // Each answer restarts the time in doubt.
    await stage.sql(`update rest_requests set unanswered_at = unanswered_at - interval '9 s'`);
    expect((await viaProxy(stage)).body.task_id).toBe(first.body.task_id);
    await stage.sql(`update rest_requests set unanswered_at = unanswered_at - interval '9 s'`);
    expect((await viaProxy(stage)).body.task_id).toBe(first.body.task_id);
    expect(await stage.jobs()).toHaveLength(1);
  });

  test('when its answer went to a proxy, and the repeat arrives before the database has recorded that', async () => {
    const stage = await startJoining();
    const submit = () => stage.rest.submit({}, { 'x-forwarded-for': '192.0.2.1' });
    const answer = submit();
    await expect.poll(stage.jobs).toHaveLength(1);
    const records = await holdQueries(stage.gateway.databaseUrl, 'rest_requests');
    await stage.finish();
    const first = await answer;
    const repeat = submit();
    // The record of the first answer and the check of the repeat.
    await records.waits(2);
    await setTimeout(500);
    await records.release();
    expect((await repeat).body.task_id).toBe(first.body.task_id);
    expect(await stage.jobs()).toHaveLength(1);
  });
});

test('an empty idempotency key counts as none: the request joins, and the delivery of its answer is watched', async () => {
  const stage = common();
  // The test client omits empty headers. It sends a blank one as an empty one.
  const empty = { 'idempotency-key': ' ' };
  await hungUp(stage);
  const repeat = stage.rest.submit({}, empty);
  await stage.finish();
  const { status, body } = await repeat;
  expect([status, [body.task_id]]).toEqual([200, await stage.jobs()]);
  await expect.poll(stage.states).toEqual(['ANSWERED']);
  expect((await stage.rest.submit({ mode: 'fast' }, empty)).body.error?.message).toMatch(/^mode: [^;]*$/);
});

describe('a request is not joined', () => {
  test('when its answer went to a proxy more than REST_DOUBT_SECONDS ago, or that setting is 0', async () => {
    const stage = common();
    const first = await viaProxy(stage);
    await expect.poll(stage.states).toEqual(['UNANSWERED']);
    await stage.sql(`update rest_requests set unanswered_at = unanswered_at - interval '10 s'`);
    expect((await viaProxy(stage)).body.task_id).not.toBe(first.body.task_id);
    const certain = await startJoining({ REST_DOUBT_SECONDS: '0' });
    const ids = [await viaProxy(certain), await viaProxy(certain)].map(({ body }) => body.task_id);
    expect(new Set(ids).size).toBe(2);
    expect(await certain.jobs()).toEqual(ids);
  });

  test('by one that arrived before the answer was written and passed the rate limit after it, even if the answer went to a proxy', async () => {
    const stage = await startJoining({ STATEMENT_TIMEOUT_SECONDS: '60' });
    const accepting = await holdQueries(stage.gateway.databaseUrl, 'job_events');
    const first = viaProxy(stage);
    await accepting.waits();
    const counting = await holdQueries(stage.gateway.databaseUrl, 'rate_windows');
    const second = viaProxy(stage);
    await counting.waits();
    await accepting.release();
    const answered = await first;
    await expect.poll(stage.states).toEqual(['UNANSWERED']);
    await counting.release();
    expect((await second).body.task_id).not.toBe(answered.body.task_id);
    expect(await stage.jobs()).toHaveLength(2);
  });

  test('by one that arrived before the answer was written, even if the answer went to a proxy', async () => {
    const stage = common();
    const db = new pg.Client({ connectionString: stage.gateway.databaseUrl });
    await db.connect();
    onTestFinished(() => db.end());
    await db.query('begin; lock table job_events in share mode');
    let arrived = 0;
    const count = (message: unknown): void =>
      void (arrived += Number((message as { request: IncomingMessage }).request.url === '/kling/motion'));
    subscribe('http.server.request.start', count);
    onTestFinished(() => void unsubscribe('http.server.request.start', count));
    const answers = [viaProxy(stage), viaProxy(stage), viaProxy(stage)];
    // All have arrived. The first waits in its transaction, and the others wait for their turn.
    await expect.poll(() => arrived).toBe(3);
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
    await expect.poll(async () => (await fetch(`${stage.gateway.url}/livez`)).status).toBe(200);
    await db.query('commit');
    expect(new Set((await Promise.all(answers)).map(({ body }) => body.task_id)).size).toBe(3);
  });

  test.each([1, 2])(
    'when its answer was read and the next request follows at once on the same connection (instances: %s)',
    async (instances) => {
      const stage = await startJoining({ REST_CLOSE_SECONDS: '10', REST_RESET_SECONDS: '60' });
      if (instances > 1) await stage.another();
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      const ids: unknown[] = [];
      for (let count = 0; count < 3; count += 1)
        ids.push((await stage.open({ async: true }, agent).answer).body.task_id);
      expect(ids).toEqual(await stage.jobs());
      expect(new Set(ids).size).toBe(3);
    },
  );

  test('when its answer was read, the client keeps the connection open, and the next request uses another one', async () => {
    const stage = await startJoining({ REST_CLOSE_SECONDS: '10', REST_RESET_SECONDS: '60' });
    const ids: unknown[] = [];
    for (let count = 0; count < 2; count += 1)
      ids.push((await stage.open({ async: true }, new Agent({ keepAlive: true })).answer).body.task_id);
    expect(new Set(ids).size).toBe(2);
    expect(await stage.states()).toEqual(['OPEN', 'OPEN']);
  });

  test('when its answer was read and the client closed the connection, however soon the next request follows', async () => {
    const stage = common();
    const ids: unknown[] = [];
    for (let count = 0; count < 3; count += 1) ids.push((await stage.open({ async: true }).answer).body.task_id);
    expect(ids).toEqual(await stage.jobs());
    expect(new Set(ids).size).toBe(3);
  });
});
