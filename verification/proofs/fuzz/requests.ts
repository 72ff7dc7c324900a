/**
 * Requests of clients: the rules that they must satisfy, and the hash that shows whether two requests ask for the same.
 */
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { hashInput } from '../../../src/jobs/accept/accept.ts';
import {
  checkRequest,
  violationCodes,
  type CheckResult,
  type MotionRequest,
} from '../../../src/jobs/accept/input-rules.ts';
import type { Label } from '../../../src/jobs/model/job.ts';
import { isPublicHost, privateHost, publicHost } from './addresses.ts';
import { parseUrl } from '../../../src/network/parse-url.ts';
import type { Target } from './target.ts';
import { anyText, isStorable, mutated } from './texts.ts';

type Origin = 'private' | 'public' | 'any';
interface Url {
  readonly text: string;
  readonly origin: Origin;
}

const scheme = fc.constantFrom('https://', 'http://', 'HTTP://', ' https://', 'https:', 'http:/', 'https:\\\\');
const port = fc.constantFrom('', '', ':80', ':443', ':8080', ':');
const rest = fc.constantFrom(
  '',
  '/',
  '/a.mp4',
  '/a b?c=d#e',
  '/../..//a',
  '?q=http://b.com/',
  '#@a.com',
  '/%00',
  '/ü',
  '/@a.com',
  '\\a',
);
const urlOf = (host: fc.Arbitrary<string>, origin: Origin, user: fc.Arbitrary<string> = fc.constant('')) =>
  fc
    .tuple(scheme, user, host, port, rest)
    .map(([begin, who, where, at, what]): Url => ({ text: begin + who + where + at + what, origin }));
const user = fc.constantFrom('', '', 'user@', 'a:b@', ':b@', '@', ':@', 'a.com@', 'a.com:80@', '%40@', '8.8.8.8\\@');
const privateUrl = fc.oneof(
  { weight: 5, arbitrary: urlOf(privateHost, 'private') },
  { weight: 1, arbitrary: urlOf(privateHost, 'any', user) },
);
const publicUrl = urlOf(publicHost, 'public');
const publicText = publicUrl.map(({ text }) => text);
const otherUrl = fc
  .oneof(
    {
      weight: 6,
      arbitrary: mutated(
        fc.oneof(
          publicText,
          privateUrl.map(({ text }) => text),
        ),
      ),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.constantFrom('https://', 'http://a.com/', 'ftp://', 'data:', '//', 'file:///', 'https://['), anyText)
        .map((parts) => parts.join('')),
    },
    { weight: 1, arbitrary: anyText },
    {
      weight: 1,
      arbitrary: fc
        .tuple(publicText, fc.integer({ min: 0, max: 2_100 }), fc.constantFrom('a', 'ü', ' '))
        .map(([text, length, sign]) => text + sign.repeat(length)),
    },
  )
  .map((text): Url => ({ text, origin: 'any' }));

const nullable = <T>(some: fc.Arbitrary<T>) => fc.option(some, { nil: null, freq: 4 });
const prompt = nullable(
  fc.oneof(
    { weight: 20, arbitrary: anyText },
    { weight: 1, arbitrary: fc.integer({ min: 2_498, max: 2_502 }).map((length) => '😀'.repeat(length)) },
  ),
);
const model = nullable(fc.oneof(fc.constantFrom('kling-v2-6', '', 'a'.repeat(64), 'a'.repeat(65), 'A'), anyText));
const keyOfLabel = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('a', 'b', 'team', 'a.b', '_', 'k'.repeat(64)) },
  { weight: 1, arbitrary: fc.oneof(fc.constantFrom('k'.repeat(65), '', 'A', '__proto__'), anyText) },
);
const labels = nullable(
  fc.oneof(
    { weight: 30, arbitrary: fc.array(fc.record({ key: keyOfLabel, value: anyText }), { maxLength: 3 }) },
    {
      weight: 1,
      arbitrary: fc
        .integer({ min: 15, max: 18 })
        .map((count): Label[] => Array.from({ length: count }, (_, index) => ({ key: `k${index}`, value: '' }))),
    },
  ),
);
const idempotencyKey = nullable(fc.oneof(fc.constantFrom('key-1', '~'.repeat(255), '~'.repeat(256), ' ', ''), anyText));
const choices = {
  mode: fc.constantFrom('STD', 'PRO'),
  characterOrientation: fc.constantFrom('IMAGE', 'VIDEO'),
  keepOriginalSound: fc.boolean(),
  watermark: fc.boolean(),
} as const;

interface Asked {
  readonly request: MotionRequest;
  readonly imageOrigin: Origin;
  readonly videoOrigin: Origin;
}

const oneUrl = fc.oneof(
  { weight: 4, arbitrary: privateUrl },
  { weight: 3, arbitrary: publicUrl },
  { weight: 1, arbitrary: urlOf(publicHost, 'any', user) },
  { weight: 3, arbitrary: otherUrl },
);
const plain = {
  prompt: fc.constant(null),
  model: fc.constant(null),
  labels: fc.constant(null),
  idempotencyKey: fc.constant(null),
};
const asked = (
  image: fc.Arbitrary<Url>,
  others: { readonly [name in keyof typeof plain]: fc.Arbitrary<MotionRequest[name]> },
) =>
  fc
    .tuple(image, publicUrl, fc.record({ ...choices, ...others }), fc.boolean())
    .map(([first, second, more, swapped]): Asked => {
      const [imageUrl, videoUrl] = swapped ? [second, first] : [first, second];
      return {
        request: { ...more, imageUrl: imageUrl.text, videoUrl: videoUrl.text },
        imageOrigin: imageUrl.origin,
        videoOrigin: videoUrl.origin,
      };
    });

/**
 * Returns true if every parser reads the URL alike and it names no format. Other spellings of a public URL may be
 * refused.
 */
const isPlain = (url: string): boolean => {
  const [, host] = /^https?:\/\/([a-z0-9.-]+)(?::\d+)?(?:\/[\x21-\x5b\x5d-\x7e]*)?$/i.exec(url) ?? [];
  return host !== undefined && parseUrl(url)?.hostname === host.toLowerCase() && !/\.mp4/.test(url);
};

function judgeUrl(origin: Origin, url: string, refused: boolean): string | null {
  if (origin === 'public' && refused && isPlain(url)) return `a public URL was refused: ${url}`;
  if (refused) return null;
  if (origin === 'private') return `a private address was accepted: ${url}`;
  return null;
}

/** Checks an accepted request again by independent means. */
function judgeAccepted({
  request: { input, labels: kept, idempotencyKey: key },
}: Extract<CheckResult, { ok: true }>): string | null {
  for (const url of [input.imageUrl, input.videoUrl]) {
    const [, authority = ''] = /^https?:\/\/([^/?#]*)/i.exec(url) ?? [];
    const host = parseUrl(url)?.hostname ?? '';
    if (authority.includes('@')) return `a URL with credentials was accepted: ${url}`;
    if (!isPublicHost(host)) return `a host that is not public was accepted: ${url}`;
    if (url.length > 2_048 || Array.from(url).some((sign) => sign <= ' ' || sign === '\u007f'))
      return `a URL that is too long, or has spaces: ${url}`;
  }
  if (
    input.prompt !== null &&
    (input.prompt === '' || Array.from(input.prompt).length > 2_500 || !isStorable(input.prompt))
  )
    return 'a prompt was accepted that breaks its rules';
  if (input.model !== null && !/^[a-z0-9._-]{1,64}$/.test(input.model))
    return 'a model was accepted that breaks its rules';
  if (key !== null && !/^[!-~]{1,255}$/.test(key)) return 'an idempotency key was accepted that breaks its rules';
  if (kept.length > 16 || new Set(kept.map((label) => label.key)).size < kept.length)
    return 'too many labels were accepted, or one twice';
  if (
    !kept.every(
      (label) =>
        /^[a-z0-9_.-]{1,64}$/.test(label.key) && Array.from(label.value).length <= 256 && isStorable(label.value),
    )
  )
    return 'a label was accepted that breaks its rules';
  return null;
}

export const requests: Target<Asked, CheckResult> = {
  name: 'rules of requests',
  inputs: fc.oneof(
    { weight: 3, arbitrary: asked(oneUrl, plain) },
    { weight: 1, arbitrary: asked(publicUrl, { prompt, model, labels, idempotencyKey }) },
  ),
  run: ({ request }) => checkRequest(request),
  judge({ request, imageOrigin, videoOrigin }, result) {
    const violations = result.ok ? [] : result.violations;
    if (!result.ok && violations.length === 0) return 'refused without a violation';
    if (
      violations.some(
        ({ code, field, message }) =>
          !violationCodes.includes(code) || field[0] !== 'input' || !(field[1]! in request) || message === '',
      )
    )
      return 'a violation that is none';
    const isRefused = (name: string): boolean => violations.some(({ field }) => field[1] === name);
    const broken =
      judgeUrl(imageOrigin, request.imageUrl, isRefused('imageUrl')) ??
      judgeUrl(videoOrigin, request.videoUrl, isRefused('videoUrl'));
    if (broken !== null || !result.ok) return broken;
    const again = checkRequest({
      ...result.request.input,
      labels: result.request.labels,
      idempotencyKey: result.request.idempotencyKey,
    });
    return isDeepStrictEqual(again, result) ? judgeAccepted(result) : 'what was accepted is not accepted as it is';
  },
  kindOf: (result) =>
    result.ok ? 'accepted' : [...new Set(result.violations.map(({ code }) => code))].sort().join(' '),
};

interface Pair {
  readonly one: MotionRequest;
  readonly other: MotionRequest;
  /** Known from how the pair was made; null if only a comparison can tell. */
  readonly same: boolean | null;
}

const fields = [
  'imageUrl',
  'videoUrl',
  'prompt',
  'mode',
  'model',
  'characterOrientation',
  'keepOriginalSound',
  'watermark',
  'labels',
] as const;
const shortValue = fc.constantFrom(
  'a',
  'b',
  '',
  '","',
  'a","b',
  '\\',
  '"',
  '],[',
  'null',
  'é',
  'e\u0301',
  'ß',
  '😀',
  ' a',
  'a ',
);
const anyRequest: fc.Arbitrary<MotionRequest> = fc.record({
  ...choices,
  imageUrl: fc.constantFrom('https://a.com/a', 'https://a.com/b', 'https://a.com/?a,b', 'https://b.com/'),
  videoUrl: fc.constantFrom('https://a.com/a', 'https://a.com/b', 'https://a.com/?a,b', 'https://b.com/'),
  prompt: nullable(shortValue),
  model: nullable(fc.constantFrom('a', 'b', 'null')),
  labels: nullable(
    fc.uniqueArray(fc.record({ key: fc.constantFrom('a', 'b', 'c', 'ab'), value: shortValue }), {
      maxLength: 3,
      selector: ({ key }) => key,
    }),
  ),
  idempotencyKey: nullable(fc.constantFrom('a', 'b')),
});

/** Returns another spelling of the same URL: case of the case-insensitive parts, default port, and dot segments. */
const respell = (url: string): string =>
  url.replace(/^https:\/\/([^/]+)\//, (_all, host: string) => `HTTPS://${host.toUpperCase()}:443/x/../`);
const respelled = (one: MotionRequest): MotionRequest => ({
  ...one,
  imageUrl: respell(one.imageUrl),
  videoUrl: respell(one.videoUrl),
  prompt: one.prompt || (one.prompt === null ? '' : null),
  model: one.model || (one.model === null ? '' : null),
  labels: one.labels?.length ? [...one.labels].reverse() : one.labels ? null : [],
  idempotencyKey: one.idempotencyKey === 'a' ? null : 'a',
});

function changed(one: MotionRequest, field: (typeof fields)[number]): MotionRequest {
  switch (field) {
    case 'imageUrl':
    case 'videoUrl':
      return { ...one, [field]: `${one[field]}x` };
    case 'prompt':
    case 'model':
      return { ...one, [field]: `${one[field] ?? ''}x` };
    case 'mode':
      return { ...one, mode: one.mode === 'STD' ? 'PRO' : 'STD' };
    case 'characterOrientation':
      return { ...one, characterOrientation: one.characterOrientation === 'IMAGE' ? 'VIDEO' : 'IMAGE' };
    case 'labels':
      return {
        ...one,
        labels: one.labels?.length
          ? one.labels.map(({ key, value }) => ({ key, value: `${value}x` }))
          : [{ key: 'z', value: '' }],
      };
    default:
      return { ...one, [field]: !one[field] };
  }
}

/** Pairs that only a careless serialization would treat as equal: text moves across the boundary between two fields. */
const confusions: readonly ((
  one: MotionRequest,
  text: string,
) => readonly [Partial<MotionRequest>, Partial<MotionRequest>])[] = [
  (_one, text) => [{ labels: [{ key: 'a', value: `b${text}` }] }, { labels: [{ key: 'ab', value: text }] }],
  (_one, text) => [
    {
      labels: [
        { key: 'a', value: `${text}1` },
        { key: 'b', value: text },
      ],
    },
    {
      labels: [
        { key: 'a', value: text },
        { key: 'b', value: `${text}1` },
      ],
    },
  ],
  (_one, text) => [
    { labels: [{ key: 'a', value: `${text}","b","` }] },
    {
      labels: [
        { key: 'a', value: text },
        { key: 'b', value: '' },
      ],
    },
  ],
  () => [
    {
      labels: [
        { key: 'a', value: '' },
        { key: 'b', value: '' },
      ],
    },
    { labels: [{ key: 'a', value: 'b' }] },
  ],
  () => [
    { prompt: 'a', model: null },
    { prompt: null, model: 'a' },
  ],
  () => [{ prompt: 'null' }, { prompt: null }],
  () => [{ model: 'null' }, { model: null }],
  ({ imageUrl }) => [{ videoUrl: `${imageUrl}x` }, { imageUrl: `${imageUrl}x`, videoUrl: imageUrl }],
  (_one, text) => [{ prompt: `${text}e\u0301` }, { prompt: `${text}é` }],
];

const pairs: fc.Arbitrary<Pair> = fc.oneof(
  anyRequest.map((one) => ({ one, other: respelled(one), same: true })),
  fc
    .tuple(anyRequest, fc.constantFrom(...fields))
    .map(([one, field]) => ({ one, other: changed(one, field), same: false })),
  fc.tuple(anyRequest, fc.constantFrom(...confusions), shortValue).map(([one, confuse, text]) => {
    const [first, second] = confuse(one, text);
    return { one: { ...one, ...first }, other: { ...one, ...second }, same: false };
  }),
  fc.tuple(anyRequest, anyRequest, fc.subarray([...fields])).map(([one, two, taken]) => ({
    one,
    other: { ...one, ...Object.fromEntries(taken.map((field) => [field, two[field]])) },
    same: null,
  })),
);

/** URLs are compared as their parser reads them, regardless of their spelling, which is stored. */
const effective = (result: CheckResult) => {
  if (!result.ok) return null;
  const { input, labels: kept } = result.request;
  return [{ ...input, imageUrl: new URL(input.imageUrl).href, videoUrl: new URL(input.videoUrl).href }, kept];
};
const hashOf = (result: CheckResult): string => (result.ok ? hashInput(result.request) : 'refused');

export const hashing: Target<
  Pair,
  { readonly results: readonly [CheckResult, CheckResult]; readonly hashes: readonly [string, string] }
> = {
  name: 'hashing inputs',
  inputs: pairs,
  run({ one, other }) {
    const results = [checkRequest(one), checkRequest(other)] as const;
    return { results, hashes: [hashOf(results[0]), hashOf(results[1])] };
  },
  judge({ same }, { results: [first, second], hashes: [one, other] }) {
    if (!/^v1:[\w-]{43}$/.test(one) || !/^v1:[\w-]{43}$/.test(other)) return `not a hash: ${one} ${other}`;
    if (same !== null && (one === other) !== same)
      return same ? 'the same input hashes differently' : 'another input hashes alike';
    return (one === other) === isDeepStrictEqual(effective(first), effective(second))
      ? null
      : 'the hash tells otherwise than a comparison';
  },
  kindOf: ({ hashes: [one, other] }) => (one === other ? 'alike' : 'different'),
};
