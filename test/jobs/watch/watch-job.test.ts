import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { asAdministrator, createDatabase } from '../../support/database.ts';
import { startFakeUpstream, successOf } from '../../support/fake-upstream.ts';
import { startGateway } from '../../support/gateway.ts';
import { startProxy } from '../../support/proxy.ts';
import { openSocket, subscribe, WATCH } from '../../support/socket.ts';

/** Records the states and versions that a watch yields, in order. */
function record(watch: AsyncIterableIterator<{ data?: { jobUpdated: { state: string; version: number } } | null }>) {
  const seen: { state: string; version: number }[] = [];
  const ended = (async () => {
    for await (const { data } of watch) seen.push(data!.jobUpdated);
  })();
  return { states: () => seen.map(({ state }) => state), versions: () => seen.map(({ version }) => version), ended };
}

describe('a watch', () => {
  test('is served by every instance, regardless of which one settles the job', async () => {
    const upstream = await startFakeUpstream();
    const settings = { ...upstream.settings, DATABASE_URL: await createDatabase() };
    const [a, b] = [await startGateway(settings), await startGateway(settings)];
    const job = await a.client.generate();
    const submit = await upstream.nextSubmit();
    const watches = [record(a.client.watch(job.id)), record(b.client.watch(job.id)), record(b.client.watch(job.id))];
    await expect.poll(() => watches.map(({ states }) => states().length)).toEqual([1, 1, 1]);
    submit.answer(200, successOf(randomUUID()));
    await Promise.all(watches.map(({ ended }) => ended));
    for (const { states, versions } of watches) {
      expect(states().at(-1)).toBe('SUCCEEDED');
      expect(versions()).toEqual([...versions()].sort((x, y) => x - y));
    }
  });

  test('misses nothing when the feed loses its connection', async () => {
    const upstream = await startFakeUpstream();
    const { client, databaseUrl, logs } = await startGateway(upstream.settings);
    const job = await client.generate();
    const submit = await upstream.nextSubmit();
    const watch = record(client.watch(job.id));
    await expect.poll(watch.states).toEqual(['SUBMITTING']);
    // One query ends the feed's connection and changes the row, so that no wake-up can be received.
    await asAdministrator(
      `
      select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'motion-gateway feed' and datname = current_database();
      update jobs set state = 'PROCESSING', rank = 1000, version = version + 1;
    `,
      databaseUrl,
    );
    await expect.poll(watch.states).toEqual(['SUBMITTING', 'PROCESSING']);
    expect(logs.map(({ msg }) => msg)).toContain('the feed is listening again');
    submit.answer(200, successOf(randomUUID()));
    await watch.ended;
    expect(watch.states().at(-1)).toBe('SUCCEEDED');
  });

  test('detects a silently lost connection by its heartbeat', { timeout: 90_000 }, async () => {
    const upstream = await startFakeUpstream();
    const databaseUrl = await createDatabase();
    const proxy = await startProxy(databaseUrl);
    const { client, logs } = await startGateway({ ...upstream.settings, DATABASE_URL: proxy.url });
    const job = await client.generate();
    const submit = await upstream.nextSubmit();
    const watch = record(client.watch(job.id));
    await expect.poll(watch.states).toEqual(['SUBMITTING']);
    proxy.silenceOpen();
    await asAdministrator(`update jobs set state = 'PROCESSING', rank = 1000, version = version + 1`, databaseUrl);
    await expect.poll(watch.states).toEqual(['SUBMITTING', 'PROCESSING']);
    expect(logs.map(({ msg }) => msg)).toEqual(
      expect.arrayContaining(['the feed lost its connection: Query read timeout', 'the feed is listening again']),
    );
    submit.answer(200, successOf(randomUUID()));
    await watch.ended;
  });
});

describe('a gateway without its database', () => {
  test.each(['cut off', 'silent'])(
    '(%s) answers every request and recovers without intervention',
    { timeout: 90_000 },
    async (how) => {
      const upstream = await startFakeUpstream();
      const proxy = await startProxy(await createDatabase());
      const { client, url, apiKey } = await startGateway({
        ...upstream.settings,
        DATABASE_URL: proxy.url,
        PUBLIC_URL: 'http://gateway.invalid',
        CALLBACK_WAIT_SECONDS: '5',
      });
      const job = await client.generate();
      const submit = await upstream.nextSubmit();
      submit.answer(200, { task_id: 'a' });
      await expect.poll(async () => (await client.find(job.id))!.state).toBe('PROCESSING');
      const open = await openSocket({ url, apiKey });
      const callbackUrl = submit.body.callback_url!.replace('http://gateway.invalid', url);

      if (how === 'silent') proxy.silence();
      else await proxy.cut();
      const [query, mutation, callback, ready, live, watched, turnedAway] = await Promise.all([
        client.request('query ($id: ID!) { motionJob(id: $id) { id } }', { id: job.id }),
        client.request('mutation ($id: ID!) { cancelMotionJob(input: { id: $id }) { job { id } } }', { id: job.id }),
        fetch(callbackUrl, { method: 'POST', body: JSON.stringify(successOf('a')) }),
        fetch(`${url}/readyz`),
        fetch(`${url}/livez`),
        (open.send(subscribe('a', WATCH, { id: job.id })), open.next()),
        openSocket({ url, apiKey }, { init: false }).then(
          (socket) => (
            socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${apiKey}` } }),
            socket.closed
          ),
        ),
      ]);
      for (const answer of [query, mutation])
        expect(answer).toMatchObject({ status: 503, errors: [{ extensions: { code: 'SERVICE_UNAVAILABLE' } }] });
      expect(watched).toMatchObject({ payload: { errors: [{ extensions: { code: 'SERVICE_UNAVAILABLE' } }] } });
      // A client whose key cannot be looked up is asked to try again later.
      expect(turnedAway).toBe(1013);
      expect([callback.status, callback.headers.get('retry-after')]).toEqual([503, '5']);
      expect([ready.status, live.status]).toEqual([503, 200]);

      await proxy.restore();
      await expect.poll(async () => (await fetch(`${url}/readyz`)).status).toBe(200);
      expect((await fetch(callbackUrl, { method: 'POST', body: JSON.stringify(successOf('a')) })).status).toBe(200);
      // The pool may still have dead connections: a read that gets one is answered with 503, and the connection is
      // replaced.
      await expect.poll(() => client.find(job.id).catch(() => null)).toMatchObject({ state: 'SUCCEEDED' });
    },
  );
});
