/** Tests REST while the gateway stops, and while the database is unavailable. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, expect, test } from 'vitest';
import { asAdministrator, createDatabase } from '../../support/database.ts';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { startGateway } from '../../support/gateway.ts';
import { startProxy } from '../../support/proxy.ts';
import { createRestClient, openSubmit, SEED_BODY, type RestAnswer, type RestClient } from '../../support/rest.ts';

const UNKNOWN = '0199c0de-0000-7000-8000-000000000000';

async function start(settings: Record<string, string> = {}) {
  const upstream = await startFakeUpstream();
  const gateway = await startGateway({ ...upstream.settings, PUBLIC_URL: 'http://gateway.invalid', ...settings });
  return { gateway, rest: createRestClient(gateway) };
}

const told = ({ status, body: { error } }: RestAnswer) => [status, error?.code];

test.each([{}, { async: true }, { callback_url: 'https://a.com/cb' }])(
  'a stopping gateway refuses every submit with 504 and stores nothing: %j',
  async (more) => {
    const { gateway } = await start();
    const held = openSubmit(gateway, { prompt: 'held' });
    await expect.poll(gateway.live.watchers).toBe(1);
    // A request of which a part has arrived when the gateway stops. The rest arrives after the held one is answered.
    const late = connect(Number(new URL(gateway.url).port), '127.0.0.1');
    const body = JSON.stringify({ ...SEED_BODY, ...more });
    late.write(
      `POST /kling/motion HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${gateway.apiKey}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body.slice(0, 10)}`,
    );
    await expect.poll(async () => (await fetch(`${gateway.url}/livez`)).status).toBe(200);
    const stopped = gateway.stop();
    expect(told(await held.answer)).toEqual([504, 'timeout']);
    late.write(body.slice(10));
    const [answer] = (await once(late, 'data')) as [Buffer];
    expect(answer.toString()).toMatch(/^HTTP\/1.1 504 [^]*"code":"timeout"[^]*stopping/);
    await stopped;
    expect(await asAdministrator('select prompt from jobs', gateway.databaseUrl)).toEqual([{ prompt: 'held' }]);
    expect(await asAdministrator('select count(*)::int as bodies from rest_bodies', gateway.databaseUrl)).toEqual([
      { bodies: 1 },
    ]);
  },
);

describe('while the database is unavailable', () => {
  const requests = [
    ['a submit', (rest: RestClient) => rest.submit({ async: true })],
    ['a submit that would be held', (rest: RestClient) => rest.submit()],
    ['a submit with a key', (rest: RestClient) => rest.submit({ async: true }, { 'idempotency-key': 'order-1' })],
    ['a look-up', (rest: RestClient) => rest.retrieve(UNKNOWN)],
    ['a look-up of several', (rest: RestClient) => rest.retrieveBatch({ ids: [UNKNOWN] })],
    ['a listing', (rest: RestClient) => rest.retrieveBatch({})],
  ] as const;

  test.each(['refuses connections', 'breaks connections and then does not respond', 'does not respond'] as const)(
    'because it %s, every request gets api_error with Retry-After, and is served again afterward',
    async (how) => {
      const databaseUrl = await createDatabase();
      const proxy = await startProxy(databaseUrl);
      const { rest } = await start({ DATABASE_URL: proxy.url });
      expect((await rest.retrieve(UNKNOWN)).status).toBe(404);
      if (how === 'does not respond') proxy.silence();
      else await proxy.cut();
      if (how === 'breaks connections and then does not respond') {
        await proxy.restore();
        proxy.silence();
      }
      const answers = await Promise.all(requests.map(async ([name, ask]) => [name, await ask(rest)] as const));
      for (const [name, answer] of answers) {
        expect([name, ...told(answer), answer.headers.get('retry-after')]).toEqual([name, 500, 'api_error', '5']);
        expect(answer.body).toEqual({
          success: false,
          error: { code: 'api_error', message: expect.any(String) as string },
          trace_id: answer.headers.get('x-request-id'),
        });
        expect(answer.body.error!.message).not.toMatch(/select|insert|ECONN|127\.0\.0\.1|rest_/i);
      }
      await proxy.restore();
      await expect.poll(async () => (await rest.retrieve(UNKNOWN)).status).toBe(404);
      await rest.take();
      expect(await asAdministrator('select count(*)::int as jobs from jobs', databaseUrl)).toEqual([{ jobs: 1 }]);
    },
  );
});
