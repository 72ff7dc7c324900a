import { expect, test } from 'vitest';
import { startFakeUpstream } from './support/fake-upstream.ts';
import { startGateway, type TestGateway } from './support/gateway.ts';
import { openSocket } from './support/socket.ts';
import { asAdministrator } from './support/database.ts';

const scrape = ({ url }: TestGateway, key?: string) => fetch(`${url}/metrics`, { headers: key ? { authorization: `Bearer ${key}` } : {} });

test('are for administrators only', async () => {
  const gateway = await startGateway();
  expect((await scrape(gateway)).status).toBe(401);
  expect((await scrape(gateway, gateway.apiKey)).status).toBe(401);
  expect((await scrape(gateway, gateway.administratorKey)).status).toBe(200);
});

test('count what ended by how it ended, with the quota that was released at our risk, and what is open', async () => {
  const upstream = await startFakeUpstream();
  const gateway = await startGateway({ ...upstream.settings, JOB_DEADLINE_SECONDS: '0.3' });
  const { id } = await gateway.client.generate();
  (await upstream.nextSubmit()).cut();
  expect(await gateway.client.untilEnd(id)).toMatchObject({ failure: { code: 'SUBMIT_OUTCOME_UNKNOWN' } });
  const refused = await gateway.client.generate();
  (await upstream.nextSubmit()).answer(403, { error: { code: 'forbidden', message: 'no' } });
  await gateway.client.untilEnd(refused.id);
  const { closed, socket } = await openSocket(gateway);
  await openSocket(gateway);
  socket.close(1000);
  await closed;
  await expect.poll(async () => (await scrape(gateway, gateway.administratorKey)).text()).toMatch(/motion_gateway_socket_closes_total\{code="1000"\} \d/);
  const text = await (await scrape(gateway, gateway.administratorKey)).text();
  expect(text).toContain('motion_gateway_job_ends_total{state="FAILED",code="SUBMIT_OUTCOME_UNKNOWN"} 1');
  expect(text).toContain('motion_gateway_job_ends_total{state="FAILED",code="CONTENT_REJECTED"} 1');
  expect(text).toMatch(/motion_gateway_http_request_seconds_count\{method="POST",route="\/graphql",status="200"\} \d/);
  expect(text).toMatch(/motion_gateway_sockets [12]\n/);
});

test('do not count an end that was rolled back', async () => {
  const upstream = await startFakeUpstream();
  const gateway = await startGateway({ ...upstream.settings, UPSTREAM_MAX_IN_FLIGHT: '1' });
  // Checked at the commit, when all effects have run.
  await asAdministrator(`create function fail() returns trigger language plpgsql as $$ begin raise exception 'planted'; end $$;
    create constraint trigger fail after update on jobs deferrable initially deferred for each row when (new.state = 'CANCELED') execute function fail()`, gateway.databaseUrl);
  await gateway.client.generate();
  await upstream.nextSubmit();
  const { id } = await gateway.client.generate();
  const { errors } = await gateway.client.request('mutation ($id: ID!) { cancelMotionJob(input: { id: $id }) { job { state } } }', { id });
  expect(errors).toMatchObject([{ extensions: { code: 'INTERNAL_SERVER_ERROR' } }]);
  expect(await (await scrape(gateway, gateway.administratorKey)).text()).not.toContain('state="CANCELED"');
});
