/** Tests the playground in a real browser: a new user submits a job and watches its result arrive. */
import { existsSync } from 'node:fs';
import { chromium, type Page } from 'playwright-core';
import { expect, onTestFinished, test } from 'vitest';
import { startGateway } from '../support/gateway.ts';
import { startVite } from '../support/reverse-proxies.ts';

const places = [process.env.CHROMIUM_PATH, '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const executablePath = places.find((path) => path !== undefined && existsSync(path));
if (executablePath === undefined)
  console.log('Skipped: no Chromium found. Set CHROMIUM_PATH to run the playground in a real browser.');

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Opens the page and collects browser errors and warnings, and requests to other origins. None are expected. */
async function openPlayground(url: string) {
  const browser = await chromium.launch({ executablePath: executablePath!, args: flags });
  onTestFinished(() => browser.close());
  const page = await browser.newPage();
  page.setDefaultTimeout(20_000);
  const complaints: string[] = [];
  const foreign: string[] = [];
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('request', (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol !== 'data:' && origin !== new URL(url).origin) foreign.push(request.url());
  });
  await page.goto(url);
  return { page, complaints, foreign };
}

const tab = (page: Page, name: string) => page.locator('.graphiql-tab-button', { hasText: name });
const run = (page: Page) => page.locator('.graphiql-execute-button').click();
const resultHas = (page: Page, text: string) =>
  page.locator('.result-window .view-lines').filter({ hasText: text }).waitFor();

test.skipIf(executablePath === undefined)(
  'a new user submits a job in the playground, watches it succeed, and queries it',
  { timeout: 90_000 },
  async () => {
    const { url, client } = await startGateway({ SANDBOX_SECONDS: '2' });
    const { page, complaints, foreign } = await openPlayground(`${url}/playground`);

    await page.getByText('Sandbox: results are samples, nothing is paid').waitFor();
    // A tab that is selected before GraphiQL's editor has loaded shows the text of the first tab.
    await page.locator('.graphiql-query-editor .view-lines').filter({ hasText: 'generateMotion' }).waitFor();
    await tab(page, 'Watch').click();
    await run(page);
    await resultHas(page, 'run the Submit tab first');

    await tab(page, 'Submit').click();
    await run(page);
    await resultHas(page, '"state": "QUEUED"');

    await tab(page, 'Watch').click();
    await run(page);
    await resultHas(page, '"state": "SUCCEEDED"');
    await resultHas(page, '.mp4"');

    await tab(page, 'Query').click();
    await run(page);
    await resultHas(page, '"state": "SUCCEEDED"');

    expect({ complaints, foreign }).toEqual({ complaints: [], foreign: [] });
    const { data } = await client.request<{ motionJobs: { nodes: object[] } }>(
      '{ motionJobs { nodes { state prompt imageUrl videoUrl } } }',
    );
    expect(data.motionJobs.nodes).toEqual([
      {
        state: 'SUCCEEDED',
        prompt: 'Make the picture come alive',
        imageUrl: 'https://sourceyoya.wenge.com/2025/06/03/683e9f76e4b0684509ab1aca.jpg',
        videoUrl: 'https://cdn.acedata.cloud/odwfm5.mp4',
      },
    ]);
  },
);

test.skipIf(executablePath === undefined)(
  'the playground reaches GraphQL and the socket below a prefix that a proxy strips, with and without a trailing slash',
  { timeout: 120_000 },
  async () => {
    const gateway = await startGateway({ SANDBOX_SECONDS: '1' });
    const proxy = await startVite(gateway.url);
    for (const path of ['/motion/playground', '/motion/playground/']) {
      const { page, complaints, foreign } = await openPlayground(`${proxy}${path}`);
      await page.locator('.graphiql-query-editor .view-lines').filter({ hasText: 'generateMotion' }).waitFor();
      await run(page);
      await resultHas(page, '"state": "QUEUED"');
      await tab(page, 'Watch').click();
      await run(page);
      await resultHas(page, '"state": "SUCCEEDED"');
      expect({ complaints, foreign }).toEqual({ complaints: [], foreign: [] });
    }
    const { data } = await gateway.client.request<{ motionJobs: { nodes: object[] } }>(
      '{ motionJobs { nodes { state } } }',
    );
    expect(data.motionJobs.nodes).toEqual([{ state: 'SUCCEEDED' }, { state: 'SUCCEEDED' }]);
  },
);
