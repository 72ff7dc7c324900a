import { existsSync } from 'node:fs';
import { chromium, type Browser, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startGateway } from './support/gateway.ts';

const places = [process.env['CHROMIUM_PATH'], '/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const executablePath = places.find((path) => path !== undefined && existsSync(path));
if (executablePath === undefined) console.log('Skipped: no Chromium found. Set CHROMIUM_PATH to run the playground in a real browser.');

const flags = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

describe.skipIf(executablePath === undefined)('the playground in a real browser', () => {
  let browser: Browser;
  let page: Page;
  let url: string;
  const complaints: string[] = [];
  const foreign: string[] = [];

  beforeAll(async () => {
    ({ url } = await startGateway());
    browser = await chromium.launch({ executablePath: executablePath!, args: flags });
    page = await browser.newPage();
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    page.on('request', (request) => {
      const { protocol, origin } = new URL(request.url());
      if (protocol !== 'data:' && origin !== new URL(url).origin) foreign.push(request.url());
    });
    page.setDefaultTimeout(15_000);
    const answer = await page.goto(new URL('/playground', url).href);
    expect(await answer!.text()).toContain('<title>Motion gateway playground</title>');
  });

  afterAll(() => browser?.close());

  const tab = (name: string) => page.locator('.graphiql-tab-button', { hasText: name });
  const run = () => page.locator('.graphiql-execute-button').click();
  const resultHas = (text: string) => page.locator('.result-window .view-lines').filter({ hasText: text }).waitFor();

  it('says that it is a sandbox, and opens with the key and three prepared tabs', async () => {
    await page.getByText('Sandbox: results are samples, nothing is paid').waitFor();
    expect(await page.title()).toBe('Motion gateway playground');
    for (const name of ['Submit', 'Query', 'Watch']) await tab(name).waitFor();
  });

  it('asks for a submitted job before it watches one', async () => {
    await tab('Watch').click();
    await run();
    await resultHas('run the Submit tab first');
  });

  it('submits, and watches the job until its video is there', async () => {
    await tab('Submit').click();
    await run();
    await resultHas('"replayed": false');
    await tab('Watch').click();
    await run();
    await resultHas('"state": "SUCCEEDED"');
    await resultHas('"url": "http');
    await tab('Query').click();
    await run();
    await resultHas('"state": "SUCCEEDED"');
  });

  it('asked no other origin and broke no rule of its policy', () => {
    expect(foreign).toEqual([]);
    expect(complaints).toEqual([]);
  });
});
