/** Tests callbacks while the database is busy or unavailable. The upstream sends each callback only once. */
import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { asAdministrator, createDatabase } from '../support/database.ts';
import { callBack, startFakeUpstream, successOf } from '../support/fake-upstream.ts';
import { publicAddress, startGateway } from '../support/gateway.ts';
import { startProxy } from '../support/proxy.ts';

describe('a callback without a free database connection', () => {
  /** Starts a gateway with one connection for callbacks. The first job's callback blocks it: the row is locked. */
  const start = async (more: Record<string, string>) => {
    const upstream = await startFakeUpstream();
    const gateway = await startGateway({
      ...upstream.settings,
      ...(await publicAddress()),
      DATABASE_POOL_SIZE: '2',
      POLL_FIRST_SECONDS: '3600',
      ...more,
    });
    const urls: string[] = [];
    const ids: string[] = [];
    for (const taskId of ['first', 'second']) {
      ids.push((await gateway.client.generate()).id);
      const task = await upstream.nextSubmit();
      task.answer(200, { task_id: taskId });
      urls.push(task.body.callback_url!);
      await expect.poll(async () => (await gateway.client.find(ids.at(-1)!))?.taskId).toBe(taskId);
    }
    const locker = new pg.Client({ connectionString: gateway.databaseUrl });
    await locker.connect();
    onTestFinished(() => locker.end());
    await locker.query(`begin; select 1 from jobs where id = '${ids[0]}' for update`);
    const first = callBack(urls[0]!, successOf('first'));
    const waits = () =>
      asAdministrator(
        `select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
        gateway.databaseUrl,
      );
    await expect.poll(waits).not.toEqual([]);
    return { gateway, first, second: callBack(urls[1]!, successOf('second')), secondId: ids[1]! };
  };

  test('waits for one longer than a client would, because it is sent only once', { timeout: 60_000 }, async () => {
    const { gateway, first, second, secondId } = await start({});
    // The statement of the first callback times out after 3 s, and only then does the second one get a connection.
    expect([await first, await second]).toEqual([503, 200]);
    expect(await gateway.client.find(secondId)).toMatchObject({ state: 'SUCCEEDED', settledBy: 'CALLBACK' });
  });

  test('waits for CALLBACK_WAIT_SECONDS and then gets 503', { timeout: 60_000 }, async () => {
    const { first, second } = await start({ CALLBACK_WAIT_SECONDS: '1' });
    expect(await Promise.race([first.then(() => 'the first one'), second])).toBe(503);
  });
});

describe('a callback while the database does not respond', () => {
  const start = async () => {
    const upstream = await startFakeUpstream();
    const proxy = await startProxy(await createDatabase());
    const gateway = await startGateway({
      ...upstream.settings,
      ...(await publicAddress()),
      DATABASE_URL: proxy.url,
      POLL_FIRST_SECONDS: '3600',
    });
    const { id } = await gateway.client.generate();
    const task = await upstream.nextSubmit();
    task.answer(200, { task_id: 'a' });
    await expect.poll(async () => (await gateway.client.find(id))?.taskId).toBe('a');
    return { gateway, proxy, id, url: task.body.callback_url! };
  };

  test('is retried until a restarting server is back', async () => {
    const { gateway, proxy, id, url } = await start();
    await proxy.cut();
    const answer = callBack(url, successOf('a'));
    // By now a connection attempt was refused. Without a retry, the callback would have been answered already.
    expect(await Promise.race([answer, setTimeout(1_000, 'waits')])).toBe('waits');
    await proxy.restore();
    expect(await answer).toBe(200);
    await expect.poll(() => gateway.client.find(id)).toMatchObject({ state: 'SUCCEEDED', settledBy: 'CALLBACK' });
  });

  test('is retried on another connection if the open connections have died silently', async () => {
    const { gateway, proxy, id, url } = await start();
    proxy.silenceOpen();
    expect(await callBack(url, successOf('a'))).toBe(200);
    await expect.poll(() => gateway.client.find(id)).toMatchObject({ state: 'SUCCEEDED', settledBy: 'CALLBACK' });
  });
});
