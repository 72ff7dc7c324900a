import { expect, test } from 'vitest';
import { startFakeUpstream, successOf } from '../support/fake-upstream.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { shared } from '../support/on-end.ts';
import { openSocket, subscribe, WATCH } from '../support/socket.ts';
import { asAdministrator } from '../support/database.ts';

const scrape = ({ url }: TestGateway, key?: string) =>
  fetch(`${url}/metrics`, { headers: key ? { authorization: `Bearer ${key}` } : {} });

const common = shared(() => startGateway());

test('metrics are for administrators only', async () => {
  const gateway = common();
  expect((await scrape(gateway)).status).toBe(401);
  expect((await scrape(gateway, gateway.apiKey)).status).toBe(401);
  expect((await scrape(gateway, gateway.administratorKey)).status).toBe(200);
});

/** Returns the value of a series, or 0 if it does not exist yet. */
async function valueOf(gateway: TestGateway, series: string): Promise<number> {
  const text = await (await scrape(gateway, gateway.administratorKey)).text();
  const line = text.split('\n').find((one) => one.startsWith(`${series} `));
  return Number(line?.slice(series.length) ?? 0);
}

test('metrics count each ended job once, by state and failure code', async () => {
  const upstream = await startFakeUpstream();
  const gateway = await startGateway(upstream.settings);
  const ends = async () => [
    await valueOf(gateway, 'motion_gateway_job_ends_total{state="FAILED",code="SUBMIT_OUTCOME_UNKNOWN"}'),
    await valueOf(gateway, 'motion_gateway_job_ends_total{state="FAILED",code="CONTENT_REJECTED"}'),
    await valueOf(gateway, 'motion_gateway_job_ends_total{state="SUCCEEDED",code=""}'),
  ];
  // The quota of this job is released, and the upstream may have charged for it.
  const lost = await gateway.client.generate();
  (await upstream.nextSubmit()).cut();
  await expect.poll(async () => (await gateway.client.find(lost.id))?.state).toBe('UNCONFIRMED');
  await asAdministrator(`update jobs set attempted_at = now() - interval '30 days'`, gateway.databaseUrl);
  expect(await gateway.client.untilEnd(lost.id)).toMatchObject({ failure: { code: 'SUBMIT_OUTCOME_UNKNOWN' } });
  expect(await ends()).toEqual([1, 0, 0]);
  for (const expected of [1, 2]) {
    const refused = await gateway.client.generate();
    (await upstream.nextSubmit()).answer(403, { error: { code: 'forbidden', message: 'no' } });
    await gateway.client.untilEnd(refused.id);
    expect(await ends()).toEqual([1, expected, 0]);
  }
  const made = await gateway.client.generate();
  (await upstream.nextSubmit()).answer(200, successOf('a'));
  await gateway.client.untilEnd(made.id);
  expect(await ends()).toEqual([1, 2, 1]);
});

test('metrics show the number of open sockets and watchers, and count closed sockets by close code', async () => {
  const gateway = await startGateway({ SANDBOX_SECONDS: '600' });
  const { id } = await gateway.client.generate();
  const figures = async () => ({
    sockets: await valueOf(gateway, 'motion_gateway_sockets'),
    watchers: await valueOf(gateway, 'motion_gateway_watchers'),
    closed: [
      await valueOf(gateway, 'motion_gateway_socket_closes_total{code="1000"}'),
      await valueOf(gateway, 'motion_gateway_socket_closes_total{code="4400"}'),
    ],
  });
  expect(await figures()).toEqual({ sockets: 0, watchers: 0, closed: [0, 0] });
  const [first, second, third] = [await openSocket(gateway), await openSocket(gateway), await openSocket(gateway)];
  first.send(subscribe('1', WATCH, { id }));
  first.send(subscribe('2', WATCH, { id }));
  for (let count = 0; count < 2; count += 1) await first.next();
  expect(await figures()).toEqual({ sockets: 3, watchers: 2, closed: [0, 0] });
  second.socket.close(1000);
  third.send('no message of the protocol');
  await Promise.all([second.closed, third.closed]);
  await expect.poll(figures).toEqual({ sockets: 1, watchers: 2, closed: [1, 1] });
  first.send({ type: 'complete', id: '1' });
  await expect.poll(figures).toEqual({ sockets: 1, watchers: 1, closed: [1, 1] });
  first.socket.close(1000);
  await expect.poll(figures).toEqual({ sockets: 0, watchers: 0, closed: [2, 1] });
});

test('metrics count each request by route pattern and status', async () => {
  const gateway = common();
  const count = (labels: string) => valueOf(gateway, `motion_gateway_http_request_seconds_count{${labels}}`);
  const [answered, unknown] = [
    'method="POST",route="/graphql",status="200"',
    'method="GET",route="unknown",status="404"',
  ];
  expect([await count(answered), await count(unknown)]).toEqual([0, 0]);
  for (let sent = 1; sent <= 3; sent += 1) await gateway.client.request('{ viewer { account { id } } }');
  for (const path of ['/a', '/b?c=d']) expect((await fetch(`${gateway.url}${path}`)).status).toBe(404);
  // A request is counted after its response has been written, and the client may see the response first.
  await expect.poll(async () => [await count(answered), await count(unknown)]).toEqual([3, 2]);
});

test('metrics do not count the end of a job whose transaction was rolled back', async () => {
  const upstream = await startFakeUpstream();
  const gateway = await startGateway({ ...upstream.settings, UPSTREAM_MAX_IN_FLIGHT: '1' });
  // The trigger is deferred: it fails the commit, after all effects have run.
  await asAdministrator(
    `create function fail() returns trigger language plpgsql as $$ begin raise exception 'planted'; end $$;
    create constraint trigger fail after update on jobs deferrable initially deferred for each row when (new.state = 'CANCELED') execute function fail()`,
    gateway.databaseUrl,
  );
  await gateway.client.generate();
  await upstream.nextSubmit();
  const { id } = await gateway.client.generate();
  const { errors } = await gateway.client.request(
    'mutation ($id: ID!) { cancelMotionJob(input: { id: $id }) { job { state } } }',
    { id },
  );
  expect(errors).toMatchObject([{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }]);
  expect(await (await scrape(gateway, gateway.administratorKey)).text()).not.toContain('state="CANCELED"');
});
