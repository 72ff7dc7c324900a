/**
 * Tests which requests the vendor's contract accepts and how it refuses the others, on both servers of the contract: the
 * sandbox, and the gateway's REST routes.
 */
import { describe, expect, test } from 'vitest';
import { errorOf, refused, resultFields, said, serveContract, serverNames, uuid } from '../../support/contract.ts';
import { SEED_BODY } from '../../support/rest.ts';

const refusals: readonly (readonly [string, string, unknown, Record<string, string>, number, string])[] = [
  ['without a key', '/kling/motion', SEED_BODY, { authorization: '' }, 400, 'no_token'],
  ['with another scheme', '/kling/motion', SEED_BODY, { authorization: 'Basic YTpi' }, 400, 'no_token'],
  ['with a wrong key', '/kling/motion', SEED_BODY, { authorization: 'Bearer wrong' }, 401, 'invalid_token'],
  [
    'with a wrong key, for tasks',
    '/kling/tasks',
    { action: 'retrieve', id: 'a' },
    { authorization: 'Bearer wrong' },
    401,
    'invalid_token',
  ],
  ['with a truncated body', '/kling/motion', '{"image_url": "https', {}, 400, 'bad_request'],
  ['with an empty body', '/kling/motion', '', {}, 400, 'bad_request'],
  ['with a list as its body', '/kling/motion', '[]', {}, 400, 'bad_request'],
  ['without a video', '/kling/motion', { image_url: SEED_BODY.image_url }, {}, 400, 'bad_request'],
  ['with an unknown mode', '/kling/motion', { ...SEED_BODY, mode: 'fast' }, {}, 400, 'bad_request'],
  ['with an unknown field', '/kling/motion', { ...SEED_BODY, seed: 1 }, {}, 400, 'bad_request'],
  ['with sound as a boolean', '/kling/motion', { ...SEED_BODY, keep_original_sound: true }, {}, 400, 'bad_request'],
  [
    'with a URL of another scheme',
    '/kling/motion',
    { ...SEED_BODY, callback_url: 'ftp://a.com/cb' },
    {},
    400,
    'bad_request',
  ],
  [
    'with a prompt that is too long',
    '/kling/motion',
    { ...SEED_BODY, prompt: 'x'.repeat(2_501) },
    {},
    400,
    'bad_request',
  ],
  [
    'with a content type other than JSON',
    '/kling/motion',
    'a=b',
    { 'content-type': 'application/x-www-form-urlencoded' },
    415,
    'bad_request',
  ],
  ['with an unknown action', '/kling/tasks', { action: 'cancel', id: 'a' }, {}, 400, 'bad_request'],
  [
    'for too many tasks',
    '/kling/tasks',
    { action: 'retrieve_batch', ids: Array(51).fill('a') },
    {},
    400,
    'bad_request',
  ],
  [
    'for an unknown task',
    '/kling/tasks',
    { action: 'retrieve', id: '363c7a84-e880-472e-a4d4-098e50cfc292' },
    {},
    404,
    'not_found',
  ],
  ['for an invalid id', '/kling/tasks', { action: 'retrieve', id: "'; --" }, {}, 404, 'not_found'],
  ['to an unknown path', '/kling/dance', SEED_BODY, {}, 404, 'no_api'],
  [
    'to an unknown path, without a key or a valid body',
    '/kling/dance',
    '{"image_url": "https',
    { authorization: '', 'content-type': 'text/plain' },
    404,
    'no_api',
  ],
];

describe.each(serverNames)('when the %s serves the contract', (name) => {
  const start = serveContract(name);

  test('an invalid request is answered with the matching status and code', async () => {
    const { post } = await start();
    for (const [what, path, body, headers, status, code] of refusals)
      expect(said(await post(path, body, headers)), what).toEqual({ status, body: errorOf(code) });
  });

  test('all violations in a body are reported at once', async () => {
    const { submit } = await start();
    const { body } = await submit({ image_url: 'cb', mode: 'fast', watermark_info: { more: 1 }, extra: 1 });
    for (const field of ['image_url', 'mode', 'watermark_info.enabled', 'extra'])
      expect(body.error?.message).toContain(field);
  });

  test('optional fields that are null or empty count as absent, and the record has the body as sent', async () => {
    const { post, submit, untilEnd } = await start();
    const sent = {
      ...SEED_BODY,
      async: true,
      prompt: null,
      callback_url: '',
      model_name: null,
      keep_original_sound: null,
      watermark_info: {},
      mode: '',
      character_orientation: null,
      negative_prompt: '',
      images: [],
      options: { a: null },
    };
    const { status, body } = await post('/kling/motion', sent);
    expect({ status, body }).toEqual({ status: 200, body: { task_id: uuid } });
    expect(await untilEnd(body.task_id!)).toMatchObject({ request: sent, response: { success: true } });
    // Without `async`, the request is held: an empty callback URL counts as none.
    expect((await submit({ callback_url: ' ', async: null, watermark_info: { enabled: null } })).body).toEqual(
      resultFields,
    );
    const refusedUrl = await submit({ callback_url: 'no url', async: true });
    expect([refusedUrl.status, refusedUrl.body.error?.message]).toEqual([400, 'callback_url: expected an http(s) URL']);
    expect((await post('/kling/motion', { image_url: null, video_url: '', prompt: '' })).body.error?.message).toBe(
      'image_url: is required; video_url: is required',
    );
    expect((await post('/kling/motion', {})).body.error?.message).toBe(
      'image_url: is required; video_url: is required',
    );
  });

  test('a body that begins with a byte order mark is accepted', async () => {
    const { post } = await start();
    const { body } = await post('/kling/motion', `\ufeff${JSON.stringify({ ...SEED_BODY, async: true })}`);
    expect(body).toEqual({ task_id: uuid });
    expect(
      (await post('/kling/tasks', `\ufeff${JSON.stringify({ action: 'retrieve', id: body.task_id })}`)).body,
    ).toMatchObject({ id: body.task_id });
  });

  test('a URL gets only one error, and an invalid one gets no error about its length', async () => {
    const { submit } = await start();
    const message = async (more: object) => (await submit(more)).body.error?.message;
    expect(await message({ image_url: `https://a.com/${'x'.repeat(2_086)}` })).toBe(
      'image_url: expected at most 2048 characters',
    );
    for (const url of [
      `data:image/png;base64,${'A'.repeat(3_000)}`,
      `ftp://a.com/${'a'.repeat(3_000)}`,
      'x'.repeat(3_000),
    ]) {
      expect(await message({ image_url: url, callback_url: url }), url.slice(0, 20)).toBe(
        'image_url: expected an http(s) URL; callback_url: expected an http(s) URL',
      );
    }
  });

  test('an unknown scenario is rejected with the nearest name and the list of all scenarios', async () => {
    const { submit } = await start();
    for (const [name, nearest] of [
      ['modrated', 'moderated'],
      ['bad_media', 'bad-media'],
      ['latecallback', 'late-callback'],
    ]) {
      const answer = await submit({ prompt: `A dance, sandbox:${name}` });
      expect(said(answer), name).toEqual(refused(400, 'bad_request', answer));
      expect(answer.body.error?.message).toMatch(
        new RegExp(
          `no scenario "${name}"; did you mean "${nearest}"\\? Scenarios: success, moderated, .*, malformed\\.$`,
        ),
      );
    }
    expect((await submit({ prompt: 'sandbox:zzzzzzzzzz' })).body.error?.message).toContain(
      'no scenario "zzzzzzzzzz". Scenarios: success',
    );
  });

  test('another HTTP method gets no_api without a key, whatever its body is', async () => {
    const { url } = await start();
    for (const request of [
      {},
      { method: 'DELETE', headers: { 'content-type': 'application/json' } },
      { method: 'PUT', body: 'half' },
    ]) {
      const response = await fetch(`${url}/kling/motion`, request);
      expect([response.status, await response.json()], request.method).toEqual([404, errorOf('no_api')]);
    }
  });
});
