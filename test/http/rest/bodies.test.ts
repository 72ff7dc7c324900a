/**
 * Tests the bodies of REST requests: which ones are rejected and with which error, what reaches the upstream, and which
 * bodies count as the same request.
 */
import { describe, expect, test } from 'vitest';
import { EXAMPLE } from '../../support/client.ts';
import { asAdministrator } from '../../support/database.ts';
import { startFakeUpstream, successOf } from '../../support/fake-upstream.ts';
import { startGateway } from '../../support/gateway.ts';
import { shared } from '../../support/on-end.ts';
import { createRestClient, openSubmit, SEED_BODY, type RestAnswer } from '../../support/rest.ts';

async function start(settings: Record<string, string> = {}) {
  const upstream = await startFakeUpstream();
  const gateway = await startGateway({ ...upstream.settings, PUBLIC_URL: 'http://gateway.invalid', ...settings });
  return { upstream, gateway, rest: createRestClient(gateway) };
}

const told = ({ status, body: { error } }: RestAnswer) => [status, error?.code];

describe('a body', () => {
  /** Gateway for tests in which no submit is accepted. */
  const refusing = shared(() => start());
  const accepting = shared(() => start({ UPSTREAM_MAX_IN_FLIGHT: '100' }));

  test.each<[object, string]>([
    [{ image_url: 'http://127.0.0.1/a.png' }, 'image_url'],
    [{ video_url: 'https://user:secret@a.com/a.mp4' }, 'video_url'],
    [{ callback_url: 'http://169.254.169.254/latest' }, 'callback_url'],
    [{ callback_url: 'http://localhost:3000/cb' }, 'callback_url'],
    [{ prompt: 'NUL \0' }, 'prompt'],
    [{ model_name: 'KLING' }, 'model_name'],
    [{ image_url: 'https://a.com/a.webp' }, 'image_url'],
    [{ image_url: 'https://a.com/a.GIF?x=.png' }, 'image_url'],
    [{ video_url: 'https://a.com/a.webm' }, 'video_url'],
    [{ video_url: 'https://a.com\\@b.com/a.mp4' }, 'video_url'],
    [{ image_url: 'https://0x08080808/a.png' }, 'image_url'],
  ])('with %j is rejected with an error that names the field', async (more, field) => {
    const { rest, gateway } = refusing();
    const answer = await rest.submit({ async: true, ...more });
    expect([...told(answer), answer.body.error?.message.startsWith(`${field}: `)]).toEqual([400, 'bad_request', true]);
    expect(await asAdministrator('select 1 from jobs', gateway.databaseUrl)).toEqual([]);
  });

  test('with several violations gets an error that lists all of them', async () => {
    const { rest } = refusing();
    const { body } = await rest.submit({ image_url: 'http://10.0.0.1/', callback_url: 'http://10.0.0.1/' });
    expect(body.error?.message.split('; ').map((violation) => violation.split(':')[0])).toEqual([
      'image_url',
      'callback_url',
    ]);
    // All are listed, whatever kind of rule each of them violates.
    const all = await rest.submit(
      {
        mode: 'fast',
        image_url: 'http://10.0.0.1/',
        video_url: 'https://a.com/a.gif',
        callback_url: 'http://localhost/cb',
        seed: 1,
      },
      { 'idempotency-key': 'a b' },
    );
    expect(
      all.body.error?.message
        .split('; ')
        .map((violation) => violation.split(':')[0])
        .sort(),
    ).toEqual(['Idempotency-Key', 'callback_url', 'image_url', 'mode', 'seed', 'video_url']);
  });

  test.each([
    "https://cdn.acedata.cloud/a.png?sig=a'b",
    'HTTPS://CDN.acedata.cloud:443/x/../%7ea.png?q=%2f|{}',
    'https://cdn.acedata.cloud/日本/a.png?q=ü#f',
    'https://münchen.de/a.png',
  ])('whose URL is %s passes it unchanged to the upstream, the record and GraphQL', async (image_url) => {
    const { rest, upstream, gateway } = accepting();
    const video_url = image_url.replace('.png', '.mp4');
    const id = await rest.take({ image_url, video_url });
    expect((await upstream.nextSubmit()).body).toMatchObject({ image_url, video_url });
    expect((await rest.retrieve(id)).body).toMatchObject({ request: { image_url, video_url } });
    expect((await gateway.client.request(`{ motionJob(id: "${id}") { imageUrl videoUrl } }`)).data).toEqual({
      motionJob: { imageUrl: image_url, videoUrl: video_url },
    });
    const made = await gateway.client.generate({ imageUrl: image_url, videoUrl: video_url, prompt: 'by GraphQL' });
    expect((await upstream.nextSubmit()).body).toMatchObject({ image_url, video_url });
    expect((await rest.retrieve(made.id)).body).toMatchObject({ request: { image_url, video_url } });
  });

  test('that differs only in empty fields joins the same task', async () => {
    const { rest, gateway, upstream } = await start();
    const first = openSubmit(gateway, { prompt: undefined, model_name: null, callback_url: '' });
    const submit = await upstream.nextSubmit();
    first.hangUp('reset');
    const second = openSubmit(gateway, { prompt: '', watermark_info: { enabled: null }, negative_prompt: [] });
    await expect.poll(() => gateway.logs.some(({ accept }) => accept === 'joined')).toBe(true);
    submit.answer(200, successOf('a'));
    expect((await second.answer).body).toMatchObject({ success: true });
    expect([upstream.submitCount(), (await rest.retrieveBatch({})).body.count]).toEqual([1, 1]);
  });

  test('with the same idempotency key gets the same task, whatever empty fields it has', async () => {
    const { rest, upstream } = accepting();
    const before = upstream.submitCount();
    const id = await rest.take({ prompt: null, callback_url: '' }, { 'idempotency-key': 'k' });
    expect(await rest.take({ prompt: ' ', model_name: '', unknown: {} }, { 'idempotency-key': 'k' })).toBe(id);
    await upstream.nextSubmit();
    expect(upstream.submitCount() - before).toBe(1);
  });

  test('that is too large is rejected with 413', async () => {
    const { rest } = refusing();
    const answer = await rest.submit({ prompt: 'x'.repeat(70_000) });
    expect([...told(answer), answer.body.error?.message]).toEqual([
      413,
      'bad_request',
      'The body is larger than the limit of 65536 bytes (MAX_BODY_BYTES).',
    ]);
    const small = (await start({ MAX_BODY_BYTES: '2000' })).rest;
    for (const path of ['/kling/motion', '/kling/tasks', '/graphql']) {
      const response = await small.post(path, { image_url: `data:image/png;base64,${'A'.repeat(2_000)}` });
      expect([response.status, JSON.stringify(response.body)], path).toEqual([
        413,
        expect.stringContaining('limit of 2000 bytes'),
      ]);
    }
  });

  test('reaches the upstream as that of a GraphQL job would', async () => {
    const { rest, upstream, gateway } = accepting();
    const id = await rest.take({
      mode: 'pro',
      character_orientation: 'video',
      keep_original_sound: 'no',
      model_name: 'kling-v3',
      watermark_info: { enabled: true },
      callback_url: 'https://a.com/cb',
    });
    const { body } = await upstream.nextSubmit();
    expect(body).toEqual({
      ...SEED_BODY,
      mode: 'pro',
      character_orientation: 'video',
      keep_original_sound: 'no',
      model_name: 'kling-v3',
      watermark_info: { enabled: true },
      callback_url: expect.stringContaining(`http://gateway.invalid/callbacks/${id}/`) as string,
    });
    const { data } = await gateway.client.request(
      `{ motionJob(id: "${id}") { mode characterOrientation keepOriginalSound model watermark imageUrl videoUrl prompt } }`,
    );
    expect(data).toEqual({
      motionJob: {
        ...EXAMPLE,
        mode: 'PRO',
        characterOrientation: 'VIDEO',
        keepOriginalSound: false,
        model: 'kling-v3',
        watermark: true,
      },
    });
  });
});
