/** Tests refusals before routing, which are based on the raw request. */
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import Fastify from 'fastify';
import { expect, onTestFinished, test } from 'vitest';
import { createAdmission } from '../../../src/http/overload/admission.ts';
import type { Load } from '../../../src/http/overload/load.ts';
import { createOriginCheck } from '../../../src/http/origin-check.ts';
import { registerShedding } from '../../../src/http/overload/shed.ts';

const ORIGIN = 'https://app.example.com';

/** Starts a server that sheds every read and answers 200 to every request that it does not refuse. */
async function start() {
  const app = Fastify();
  onTestFinished(() => app.close());
  const load: Load = {
    overload: () => 'EVENT_LOOP',
    eventLoopDelayMs: () => 0,
    databaseWaitMs: () => 0,
    onSample: () => undefined,
    stop: () => undefined,
  };
  const admission = createAdmission(
    load,
    { maxRunning: 4, maxWaiting: 4, waitMs: { submit: 1_000, read: 1_000, handshake: 1_000 } },
    1,
  );
  const origins = createOriginCheck({ origins: [ORIGIN], allowsLoopback: false, publicUrl: null, trustProxy: null });
  registerShedding(app, admission, { graphqlPath: '/graphql', neverShed: ['/callbacks/', '/livez'], origins });
  app.all('*', async () => 'served');
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  const ask = async (method: string, path: string, headers: Record<string, string> = {}) => {
    const sent = request({ host: '127.0.0.1', port, method, path, headers }).end();
    const [response] = (await once(sent, 'response')) as [IncomingMessage];
    return { status: response.statusCode, headers: response.headers, body: await text(response) };
  };
  return { app, admission, port, ask };
}

test.each([
  ['GET', '/graphql?query=%7B__typename%7D', 503],
  ['HEAD', '/graphql', 503],
  ['GET', '/anything', 503],
  ['POST', '/kling/tasks', 429],
  ['POST', '/kling/tasks/', 429],
  ['POST', '/kling/motion', 200],
  ['POST', '/kling/motion/?a=1', 200],
  ['POST', '/graphql', 200],
  ['OPTIONS', '/graphql', 200],
  ['GET', '/livez', 200],
  ['GET', '/livez?a', 200],
  ['POST', '/callbacks/a/b', 200],
  ['POST', '//callbacks/a/b', 200],
  ['POST', '//kling/motion', 200],
  ['POST', '/kling//tasks', 429],
  ['POST', 'http://gateway.example.com/callbacks/a/b', 200],
  ['GET', 'HTTPS://gateway.example.com/livez?a', 200],
  ['GET', 'http://gateway.example.com?/livez', 503],
  ['GET', '/x?/callbacks/', 503],
])('%s %s is answered with %i', async (method, path, status) => {
  const { ask } = await start();
  expect((await ask(method, path)).status).toBe(status);
});

test('a refusal is readable by pages of allowed origins only', async () => {
  const { ask } = await start();
  const allowed = await ask('GET', '/graphql', { origin: ORIGIN });
  expect(allowed.headers).toMatchObject({
    'access-control-allow-origin': ORIGIN,
    vary: 'Origin',
    'x-content-type-options': 'nosniff',
    'x-request-id': expect.any(String) as string,
  });
  expect(allowed.headers['access-control-expose-headers']).toContain('retry-after');
  expect(allowed.headers['retry-after']).toMatch(/^[2-5]$/);
  expect(JSON.parse(allowed.body)).toMatchObject({
    errors: [
      { extensions: { code: 'SERVICE_UNAVAILABLE', retryAfterSeconds: Number(allowed.headers['retry-after']) } },
    ],
  });
  expect(
    (await ask('GET', '/graphql', { origin: 'https://other.example.com' })).headers['access-control-allow-origin'],
  ).toBeUndefined();
});
