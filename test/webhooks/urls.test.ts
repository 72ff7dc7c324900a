/**
 * The URL guard at the places where clients supply URLs: endpoints that are created, changed, or delivered to, and the
 * URL of a job.
 */
import { expect, test } from 'vitest';
import { EXAMPLE } from '../support/client.ts';
import { asAdministrator } from '../support/database.ts';
import { startCanary } from '../support/egress.ts';
import { publicAddresses, publicHosts, refusedUrls } from '../support/egress-urls.ts';
import { startGateway } from '../support/gateway.ts';
import { webhooksOf } from '../support/webhooks.ts';

const GENERATE =
  'mutation ($input: GenerateMotionInput!) { generateMotion(input: $input) { job { id } userErrors { code field } } }';
const manyRequests = { REQUESTS_PER_MINUTE: '100000', SUBMITS_PER_MINUTE: '100000', MAX_WEBHOOK_ENDPOINTS: '1000' };

test('refused URLs cannot be registered, and nothing of them is stored', async () => {
  const canary = await startCanary();
  const gateway = await startGateway(manyRequests);
  const webhooks = webhooksOf(gateway.client);
  const { endpoint } = await webhooks.create({ url: 'https://hooks.example.org/' });
  const urls = refusedUrls(canary.port);
  expect(urls.length).toBeGreaterThanOrEqual(150);
  const ask = async (url: string) => {
    const [created, updated, { data }] = await Promise.all([
      webhooks.create({ url }),
      webhooks.update({ id: endpoint!.id, url }),
      gateway.client.request<{ generateMotion: { job: null; userErrors: object[] } }>(GENERATE, {
        input: { ...EXAMPLE, webhookUrl: url },
      }),
    ]);
    return [url, created, updated, data.generateMotion];
  };
  // In batches, because 500 mutations at once would be an overload, and some of them would be refused.
  const answers: unknown[] = [];
  for (let from = 0; from < urls.length; from += 10)
    answers.push(...(await Promise.all(urls.slice(from, from + 10).map(([url]) => ask(url)))));
  const refused = (code: string, name: string) => [{ code, field: ['input', name] }];
  expect(answers).toEqual(
    urls.map(([url, code]) => [
      url,
      { endpoint: null, secret: null, userErrors: refused(code, 'url') },
      { endpoint: null, userErrors: refused(code, 'url') },
      { job: null, userErrors: refused(code, 'webhookUrl') },
    ]),
  );
  expect(await asAdministrator('select url from webhook_endpoints', gateway.databaseUrl)).toEqual([
    { url: 'https://hooks.example.org/' },
  ]);
  expect(await asAdministrator('select count(*)::int as jobs from jobs', gateway.databaseUrl)).toEqual([{ jobs: 0 }]);
  expect(canary.connections()).toBe(0);
});

test('public URLs can be registered', async () => {
  const gateway = await startGateway(manyRequests);
  const hosts = [...publicHosts, ...publicAddresses].map(([host]) => host);
  expect(hosts.length).toBeGreaterThanOrEqual(10);
  const created = await Promise.all(
    hosts.map(async (host) => (await webhooksOf(gateway.client).create({ url: `https://${host}/hook` })).userErrors),
  );
  expect(created).toEqual(hosts.map(() => []));
});

test('an endpoint that leads to a private address when a delivery is sent gets no connection, and the log says why', async () => {
  const canary = await startCanary();
  const gateway = await startGateway({ WEBHOOK_RETRY_SECONDS: '0.1' });
  const webhooks = webhooksOf(gateway.client);
  const { endpoint } = await webhooks.create({ url: 'https://hooks.example.org/' });
  // Simulates a name whose owner has since changed its addresses.
  await asAdministrator(
    `update webhook_endpoints set url = 'http://127.0.0.1:${canary.port}/', host = '127.0.0.1:${canary.port}'`,
    gateway.databaseUrl,
  );
  await webhooks.test(endpoint!.id);
  await expect
    .poll(async () => (await webhooks.deliveries()).nodes)
    .toMatchObject([
      {
        state: 'FAILED',
        attempts: [
          { failure: 'BLOCKED', httpStatus: null },
          { failure: 'BLOCKED', httpStatus: null },
        ],
      },
    ]);
  expect(canary.connections()).toBe(0);
});
