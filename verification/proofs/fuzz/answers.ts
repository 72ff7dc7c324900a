/**
 * Input from the upstream, or from anyone who knows a callback URL: callbacks, and responses to submits and look-ups.
 */
import fc from 'fast-check';
import type { Claim, Outcome } from '../../../src/jobs/model/upstream-news.ts';
import { decodeClaim } from '../../../src/upstream/acedata/callback-body.ts';
import { toOutcome, toRefusal } from '../../../src/upstream/acedata/outcome.ts';
import { decodeError, type WireError } from '../../../src/upstream/acedata/wire/envelopes.ts';
import { readJson } from '../../../src/upstream/acedata/wire/json.ts';
import { decodeLookUp, parseLookUp, type LookUpAnswer } from '../../../src/upstream/acedata/wire/look-up.ts';
import { decodeSubmitAnswer, type SubmitAnswer } from '../../../src/upstream/acedata/wire/submit-answer.ts';
import { decodeSubmitBody, encodeSubmitBody, parseSubmitBody } from '../../../src/upstream/acedata/wire/submit-body.ts';
import { parseUrl } from '../../../src/network/parse-url.ts';
import type { Target } from './target.ts';
import { anyText, findUnstorable, mutated, piece } from './texts.ts';

interface Answer {
  readonly text: string;
  readonly httpStatus: number;
  readonly asked: 'one' | 'ids' | 'window';
}

interface Decoded {
  readonly json: unknown;
  readonly claim: Claim;
  readonly submit: SubmitAnswer;
  readonly lookUp: LookUpAnswer;
  readonly error: WireError;
  readonly outcomes: readonly Outcome[];
}

const TASK = '20068983-0cc9-4c6a-aeb6-9c6a3c668be0';
const VIDEO = 'https://cdn.example.com/result.mp4?sign=abc';
const success = {
  success: true,
  video_id: '842578800134742051',
  video_url: VIDEO,
  duration: '5.066',
  state: 'succeed',
  task_id: TASK,
};
const failure = {
  success: false,
  task_id: TASK,
  trace_id: 'trace-1',
  error: { code: 'api_error', message: 'fetch failed' },
};
const record = {
  id: TASK,
  type: 'motion',
  trace_id: 't',
  job_id: TASK,
  request: { callback_url: 'https://g.com/callbacks/a/b' },
  response: success,
  created_at: 1_763_000_000.5,
  started_at: 1_763_000_001,
  finished_at: 1_763_000_300.25,
};
const submit = {
  image_url: 'https://a.com/a.png',
  video_url: 'https://a.com/a.mp4',
  character_orientation: 'image',
  mode: 'std',
  prompt: 'p',
  keep_original_sound: 'yes',
  model_name: 'm',
  watermark_info: { enabled: true },
  async: true,
  callback_url: 'https://g.com/c',
};
const good: readonly object[] = [
  success,
  failure,
  record,
  submit,
  { task_id: TASK },
  { items: [record, { ...record, response: {} }], count: 2 },
  { code: 'used_up', detail: 'no' },
  { success: false, error: 'still running', task_id: TASK },
  { ...success, error: failure.error },
  { action: 'retrieve', id: TASK },
  { action: 'retrieve_batch', ids: [TASK], created_at_min: 1, limit: 50, offset: 0 },
  {},
];

const key = fc.constantFrom(
  'task_id',
  'success',
  'state',
  'error',
  'code',
  'message',
  'detail',
  'video_url',
  'video_id',
  'duration',
  'trace_id',
  'items',
  'id',
  'request',
  'response',
  'callback_url',
  'created_at',
  'started_at',
  'finished_at',
  'action',
  'ids',
  'limit',
  'mode',
  'watermark_info',
  '__proto__',
  'constructor',
  'toString',
  '',
);
const word = fc.constantFrom<unknown>(
  null,
  true,
  false,
  0,
  -0,
  -1,
  1e308,
  5e-324,
  2 ** 53,
  8.64e15,
  253_402_300_800,
  'succeed',
  'SUCCEEDED',
  'completed',
  'failed',
  'error',
  'api_error',
  'forbidden',
  'too_many_requests',
  'constructor',
  '__proto__',
  TASK,
  VIDEO,
  'javascript:alert(1)',
  'https:',
  {},
  [],
);
/** `Object.fromEntries` creates an own property `__proto__`, which an assignment does not. */
const objectOf = (value: fc.Arbitrary<unknown>, maxLength: number) =>
  fc.array(fc.tuple(key, value), { maxLength }).map((entries): unknown => Object.fromEntries(entries));
const leaf = fc.oneof(
  { weight: 4, arbitrary: word },
  { weight: 2, arbitrary: anyText },
  { weight: 1, arbitrary: fc.double() },
);
const branch = fc.oneof(
  { weight: 3, arbitrary: leaf },
  { weight: 1, arbitrary: objectOf(leaf, 4) },
  { weight: 1, arbitrary: fc.array(leaf, { maxLength: 3 }) },
);

/** A valid object with some of its fields replaced, also inside the response of a record and in the first item. */
const exchanged = fc
  .tuple(fc.constantFrom(...good), objectOf(branch, 3), fc.constantFrom('', 'response', 'error', 'request', 'items'))
  .map(([base, change, place]) => {
    const changed = { ...base, ...(change as object) };
    if (place === '') return changed;
    const inner = { ...(base as Record<string, object>)[place], ...(change as object) };
    return { ...base, [place]: place === 'items' ? [inner, changed, null, 1] : inner };
  });

/** Nested objects and lists, about as deep as 64 KiB allow, with or without the closing brackets. */
const deep = fc
  .tuple(
    fc.constantFrom('[', '{"error":', '{"response":', '[{"items":'),
    fc.integer({ min: 1, max: 6_000 }),
    fc.boolean(),
  )
  .map(([open, depth, closes]) => {
    const ends = [...open]
      .filter((sign) => sign === '[' || sign === '{')
      .reverse()
      .map((sign) => (sign === '[' ? ']' : '}'))
      .join('');
    return open.repeat(depth) + 'null' + (closes ? ends.repeat(depth) : '');
  });

const digits = fc
  .tuple(
    fc.constantFrom('task_id', 'video_id', 'duration', 'finished_at'),
    fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }),
    fc.constantFrom('', '.5', 'e5', 'e999', '.0'),
  )
  .map(([name, number, rest]) => `{"success":true,"state":"succeed","${name}":${number}${rest}}`);

const json = fc
  .oneof(
    { weight: 6, arbitrary: exchanged },
    { weight: 2, arbitrary: objectOf(branch, 6) },
    { weight: 1, arbitrary: branch },
  )
  .map((value) => JSON.stringify(value) ?? '');
const text = fc.oneof(
  { weight: 300, arbitrary: json },
  { weight: 100, arbitrary: mutated(json) },
  { weight: 50, arbitrary: digits },
  { weight: 50, arbitrary: anyText },
  { weight: 15, arbitrary: fc.tuple(piece, json, piece).map((parts) => parts.join('')) },
  { weight: 1, arbitrary: deep },
);

const statuses = fc.oneof(
  fc.constantFrom(200, 202, 400, 401, 403, 404, 408, 409, 429, 499, 500, 502, 504),
  fc.integer({ min: 100, max: 599 }),
);

function isOutcome(outcome: Outcome): boolean {
  if (outcome.kind !== 'succeeded')
    return outcome.kind === 'running' || (outcome.kind === 'failed' && outcome.failure.message !== '');
  const { url, durationSeconds, urlExpiresAt } = outcome.video;
  const seconds = durationSeconds ?? 0;
  return (
    /^https?:/i.test(url) &&
    parseUrl(url) !== null &&
    Number.isFinite(seconds) &&
    seconds >= 0 &&
    !Number.isNaN(urlExpiresAt!.getTime())
  );
}

const isTaskId = (id: string): boolean => id.length >= 1 && id.length <= 255 && id.trim() === id;

function isJson(body: string): boolean {
  try {
    JSON.parse(body.replace(/^\ufeff/, ''));
    return true;
  } catch {
    return false;
  }
}

/** Redirects that are not followed, so the submit was not accepted. After a 303, it may have been. */
const REDIRECTS: readonly number[] = [301, 302, 307, 308];

export const answers: Target<Answer, Decoded> = {
  name: 'decoding the upstream',
  inputs: fc.record({ text, httpStatus: statuses, asked: fc.constantFrom('one', 'ids', 'window') }),

  run({ text: body, httpStatus, asked }) {
    const read = readJson(body);
    const claim = decodeClaim(body);
    const answered = decodeSubmitAnswer(httpStatus, body);
    const lookUp = decodeLookUp(httpStatus, body, asked);
    const parsed = parseSubmitBody(read);
    if (parsed.ok) encodeSubmitBody(decodeSubmitBody(parsed.body));
    parseLookUp(read);
    if (answered.kind === 'refused') toRefusal(answered);
    const wire = [
      ...(answered.kind === 'accepted' && answered.outcome ? [answered.outcome] : []),
      ...(lookUp.kind === 'found' ? lookUp.records.map(({ outcome }) => outcome) : []),
    ];
    return {
      json: read,
      claim,
      submit: answered,
      lookUp,
      error: decodeError(httpStatus, body),
      outcomes: [...wire.map((outcome) => toOutcome(outcome)), ...(claim.outcome ? [claim.outcome] : [])],
    };
  },

  judge({ text: body, httpStatus }, decoded) {
    const { claim, submit: answered, lookUp } = decoded;
    if ((decoded.json !== undefined) !== isJson(body)) return 'JSON was not read, or something else was';
    if (claim.odd === null && (claim.taskId === null || claim.outcome === null || claim.outcome.kind === 'running'))
      return 'a claim may be believed that says nothing';
    if (!decoded.outcomes.every(isOutcome)) return 'an outcome is none';
    const ids = [
      claim.taskId,
      answered.kind === 'accepted' ? answered.taskId : null,
      ...(lookUp.kind === 'found' ? lookUp.records.map(({ taskId }) => taskId) : []),
    ];
    if (ids.some((id) => id !== null && !isTaskId(id))) return "a task's id does not fit its column";
    if (answered.kind === 'accepted' && (httpStatus < 200 || httpStatus > 299)) return 'accepted without a good status';
    if (
      answered.kind === 'refused' &&
      (httpStatus >= 500 ||
        httpStatus === 408 ||
        (httpStatus >= 300 && httpStatus < 400 && !REDIRECTS.includes(httpStatus)))
    )
      return 'a submit that may have arrived counts as refused';
    if (
      lookUp.kind === 'found' &&
      lookUp.records.some(({ createdAt, startedAt, finishedAt }) =>
        [createdAt, startedAt, finishedAt].some((time) => time !== null && Number.isNaN(time.getTime())),
      )
    )
      return 'a time is none';
    if (decoded.error.message === '') return 'an error says nothing';
    const unstorable = findUnstorable([claim, answered, lookUp, decoded.error, decoded.outcomes]);
    if (unstorable !== null) return `text that cannot be stored: ${JSON.stringify(unstorable).slice(0, 200)}`;
    return Object.keys(Object.prototype).length === 0 ? null : 'every object has changed';
  },

  kindOf: ({ claim, submit: answered }) => `${claim.odd === null ? 'a claim' : 'an odd claim'}, ${answered.kind}`,
};
