/** Callbacks beside a database that is busy: they come once. */
import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { asAdministrator, createDatabase } from '../support/database.ts';
import { callBack, startFakeUpstream, successOf } from '../support/fake-upstream.ts';
import { publicAddress, startGateway } from '../support/gateway.ts';
import { startProxy } from '../support/proxy.ts';

describe('a callback that finds no database connection', () => {
  /** One connection for callbacks; that of the first job stands still, because somebody has locked its row. */
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

  test('waits for it longer than a client would, because it comes once', { timeout: 60_000 }, async () => {
    const { gateway, first, second, secondId } = await start({});
    // Its statement ends after 3 s, and only then the second one has a connection.
    expect([await first, await second]).toEqual([503, 200]);
    expect(await gateway.client.find(secondId)).toMatchObject({ state: 'SUCCEEDED', settledBy: 'CALLBACK' });
  });

  test('waits for CALLBACK_WAIT_SECONDS and is then answered 503', { timeout: 60_000 }, async () => {
    const { first, second } = await start({ CALLBACK_WAIT_SECONDS: '1' });
    expect(await Promise.race([first.then(() => 'the first one'), second])).toBe(503);
  });
});

describe('a callback that the database does not answer', () => {
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

  test('because the server restarts is tried again until it is there', async () => {
    const { gateway, proxy, id, url } = await start();
    await proxy.cut();
    const answer = callBack(url, successOf('a'));
    // By then it was refused, and before it was tried again it would have been answered.
    expect(await Promise.race([answer, setTimeout(1_000, 'waits')])).toBe('waits');
    await proxy.restore();
    expect(await answer).toBe(200);
    await expect.poll(() => gateway.client.find(id)).toMatchObject({ state: 'SUCCEEDED', settledBy: 'CALLBACK' });
  });

  test('because connections have died in silence is tried again on another one', async () => {
    const { gateway, proxy, id, url } = await start();
    proxy.silenceOpen();
    expect(await callBack(url, successOf('a'))).toBe(200);
    await expect.poll(() => gateway.client.find(id)).toMatchObject({ state: 'SUCCEEDED', settledBy: 'CALLBACK' });
  });
});
