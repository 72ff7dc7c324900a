/** Bodies of submits: encoded, parsed, and checked for violations. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseUrl } from '../../../../src/network/parse-url.ts';
import {
  decodeSubmitBody,
  encodeSubmitBody,
  isAsynchronous,
  parseSubmitBody,
  type SubmitInput,
} from '../../../../src/upstream/acedata/wire/submit-body.ts';
import { seed, URL_A } from '../../../fixtures/wire.ts';

describe('a submit body', () => {
  const plain: SubmitInput = {
    imageUrl: 'https://a.com/a.png',
    videoUrl: 'https://a.com/a.mp4',
    characterOrientation: 'IMAGE',
    mode: 'STD',
    prompt: null,
    model: null,
    keepOriginalSound: true,
    watermark: false,
    callbackUrl: null,
    async: false,
  };
  const always = {
    image_url: 'https://a.com/a.png',
    video_url: 'https://a.com/a.mp4',
    character_orientation: 'image',
    mode: 'std',
    keep_original_sound: 'yes',
  };

  test.each<[string, Partial<SubmitInput>, object]>([
    ['the required fields only', {}, {}],
    [
      'orientation and mode',
      { characterOrientation: 'VIDEO', mode: 'PRO' },
      { character_orientation: 'video', mode: 'pro' },
    ],
    ['sound as yes or no', { keepOriginalSound: false }, { keep_original_sound: 'no' }],
    ['a prompt, even if it is empty', { prompt: '' }, { prompt: '' }],
    ['a model', { model: 'kling-v3' }, { model_name: 'kling-v3' }],
    ['a watermark', { watermark: true }, { watermark_info: { enabled: true } }],
    ['a callback URL', { callbackUrl: 'http://a.com/cb' }, { callback_url: 'http://a.com/cb' }],
    ['the async flag', { async: true }, { async: true }],
  ])('encodes %s', (_name, asked, more) => {
    expect(encodeSubmitBody({ ...plain, ...asked })).toEqual({ ...always, ...more });
  });

  test("of the vendor's documentation is accepted, with the upstream's default for sound", () => {
    const parsed = parseSubmitBody(JSON.parse(seed('submit-body')));
    expect(parsed).toEqual({ ok: true, body: JSON.parse(seed('submit-body')) as unknown });
    expect(parsed.ok && decodeSubmitBody(parsed.body)).toMatchObject({
      prompt: 'Make the picture come alive',
      mode: 'STD',
      characterOrientation: 'IMAGE',
      keepOriginalSound: true,
      watermark: false,
    });
  });

  test('without mode and orientation gets the defaults', () => {
    expect(parseSubmitBody({ image_url: always.image_url, video_url: always.video_url })).toMatchObject({
      ok: true,
      body: { mode: 'std', character_orientation: 'image' },
    });
  });

  test('with every field is accepted unchanged', () => {
    const body = {
      ...always,
      prompt: 'x'.repeat(2_500),
      model_name: 'kling-v2-6',
      watermark_info: { enabled: false },
      async: false,
      callback_url: 'https://a.com/cb',
    };
    expect(parseSubmitBody(body)).toEqual({ ok: true, body });
  });

  test('reports all violations at once', () => {
    const parsed = parseSubmitBody({
      image_url: 'ftp://a.com/a.png',
      character_orientation: 'back',
      mode: 'fast',
      prompt: 'x'.repeat(2_501),
      keep_original_sound: true,
      model_name: 'A B',
      watermark_info: { more: 1 },
      async: 'yes',
      callback_url: 'cb',
      seed: 1,
    });
    const fields = parsed.ok ? [] : parsed.violations.map((violation) => violation.split(':')[0]);
    expect(fields.sort()).toEqual([
      'async',
      'callback_url',
      'character_orientation',
      'image_url',
      'keep_original_sound',
      'mode',
      'model_name',
      'prompt',
      'seed',
      'video_url',
      'watermark_info.enabled',
      'watermark_info.more',
    ]);
  });

  test.each([[null], [undefined], ['text'], [[]], [7]])('that is %j is rejected', (value) => {
    expect(parseSubmitBody(value)).toMatchObject({ ok: false, violations: [expect.any(String)] });
  });

  const optional = [
    'character_orientation',
    'mode',
    'prompt',
    'keep_original_sound',
    'model_name',
    'watermark_info',
    'async',
    'callback_url',
    'negative_prompt',
    'cfg_scale',
  ];
  const empty = [null, '', ' \t\n', [], {}, { enabled: null }, { more: '' }];

  test.each(optional)('with an empty value for %s equals one without the field', (name) => {
    const bare = { image_url: always.image_url, video_url: always.video_url };
    for (const value of empty)
      expect(parseSubmitBody({ ...bare, [name]: value }), JSON.stringify(value)).toEqual(parseSubmitBody(bare));
    expect(parseSubmitBody({ ...bare, ...Object.fromEntries(optional.map((field) => [field, null])) })).toEqual(
      parseSubmitBody(bare),
    );
  });

  test.each(empty.map((value) => [JSON.stringify(value), value]))(
    'with %s for the required fields reports that they are required',
    (_name, value) => {
      expect(parseSubmitBody({ image_url: value, video_url: value })).toMatchObject({
        ok: false,
        violations: ['image_url: is required', 'video_url: is required'],
      });
    },
  );

  test.each<[string, unknown, string]>([
    ['callback_url', 'no url', 'callback_url: expected an http(s) URL'],
    ['callback_url', false, 'callback_url: expected an http(s) URL'],
    ['async', 'true', 'async: expected true or false'],
    ['async', 0, 'async: expected true or false'],
    ['prompt', 5, 'prompt: expected a string'],
    ['mode', 0, 'mode: expected `std` or `pro`'],
    ['keep_original_sound', true, 'keep_original_sound: expected `yes` or `no`'],
    ['watermark_info', [null], 'watermark_info: expected a JSON object'],
    ['watermark_info', { enabled: 'true' }, 'watermark_info.enabled: expected true or false'],
    ['watermark_info', { enabled: true, text: 'x' }, 'watermark_info.text: unknown field'],
    ['negative_prompt', 'hands', 'negative_prompt: unknown field'],
    ['cfg_scale', 0, 'cfg_scale: unknown field'],
    ['images', [''], 'images: unknown field'],
    ['image_url', 7, 'image_url: expected an http(s) URL'],
    ['image_url', `https://a.com/${'x'.repeat(2_086)}`, 'image_url: expected at most 2048 characters'],
    ['video_url', `HTTP://a.com/?${'x'.repeat(9_000)}`, 'video_url: expected at most 2048 characters'],
    ['callback_url', `https://a.com/#${'x'.repeat(2_048)}`, 'callback_url: expected at most 2048 characters'],
    ['image_url', `data:image/png;base64,${'A'.repeat(3_000)}`, 'image_url: expected an http(s) URL'],
    ['video_url', `file:///${'a'.repeat(3_000)}`, 'video_url: expected an http(s) URL'],
    ['callback_url', `blob:https://a.com/${'a'.repeat(3_000)}`, 'callback_url: expected an http(s) URL'],
  ])('with %s set to %j reports exactly one violation', (name, value, violation) => {
    const { character_orientation, mode, keep_original_sound, ...bare } = always;
    expect(parseSubmitBody({ character_orientation, mode, keep_original_sound, ...bare, [name]: value })).toMatchObject(
      { ok: false, violations: [violation] },
    );
  });

  test('with 501 unknown fields names the first ten and counts the others', () => {
    const unknown = Object.fromEntries(Array.from({ length: 500 }, (_, index) => [`field_${index}`, 1]));
    const parsed = parseSubmitBody({ ...always, ...unknown, ['x'.repeat(5_000)]: 1 });
    expect(parsed).toMatchObject({
      ok: false,
      violations: { length: 11, 10: 'and 491 more unknown fields' },
    });
  });

  test('is asynchronous if it has a callback URL or sets async', () => {
    expect(
      [{}, { async: false }, { async: true }, { callback_url: URL_A }].map((more) =>
        isAsynchronous(encodeAndParse({ ...always, ...more })),
      ),
    ).toEqual([false, false, true, true]);
  });

  test('is unchanged after it is encoded and parsed', () => {
    const url = fc.webUrl({ withQueryParameters: true }).filter((text) => parseUrl(text) !== null);
    const input: fc.Arbitrary<SubmitInput> = fc.record({
      imageUrl: url,
      videoUrl: url,
      characterOrientation: fc.constantFrom('IMAGE', 'VIDEO'),
      mode: fc.constantFrom('STD', 'PRO'),
      // A blank prompt counts as absent.
      prompt: fc.option(fc.string({ unit: 'binary', maxLength: 1_250 }).filter((text) => text.trim() !== '')),
      model: fc.option(fc.string({ unit: fc.constantFrom(...'abz09._-'), minLength: 1, maxLength: 64 })),
      keepOriginalSound: fc.boolean(),
      watermark: fc.boolean(),
      callbackUrl: fc.option(url),
      async: fc.boolean(),
    });
    fc.assert(
      fc.property(
        input,
        (asked) => void expect(decodeSubmitBody(encodeAndParse(encodeSubmitBody(asked)))).toEqual(asked),
      ),
    );
  });

  function encodeAndParse(body: object) {
    const parsed = parseSubmitBody(JSON.parse(JSON.stringify(body)));
    if (!parsed.ok) throw new Error(parsed.violations.join('; '));
    return parsed.body;
  }
});
