/** The body of `POST /kling/motion`: encoded by the client, parsed by the server. */
import { z } from 'zod';
import { emptyValue, orEmpty, withoutEmpty } from './absent.ts';
import { asObject, isHttpUrl } from './json.ts';

const MAX_URL = 2_048;
const MAX_PROMPT = 2_500;

/** Returns the message for an invalid field: it is missing, or its type is not the expected one. */
export const orRequired =
  (expected: string) =>
  ({ input }: { readonly input?: unknown }): string =>
    input === undefined ? 'is required' : expected;

const HTTP_URL = 'expected an http(s) URL';
const startsAsHttpUrl = /^\s*https?:/i;

/** Returns the schema of a URL. A value that is not an http(s) URL gets only that message, regardless of its length. */
const httpUrl = (description: string) =>
  z
    .string({ error: orRequired(HTTP_URL) })
    .refine((text) => (text.length > MAX_URL ? startsAsHttpUrl.test(text) : isHttpUrl(text)), {
      error: HTTP_URL,
      abort: true,
    })
    .max(MAX_URL, `expected at most ${MAX_URL} characters`)
    .meta({ format: 'uri', description });

const oneOf = <const T extends readonly string[]>(...values: T) =>
  z.enum(values, { error: `expected ${values.map((value) => `\`${value}\``).join(' or ')}` });
const boolean = z.boolean({ error: orRequired('expected true or false') });

/** Characters are counted, not UTF-16 code units, as in JSON Schema. */
const prompt = z
  .string({ error: 'expected a string' })
  .refine(
    (text) => text.length <= MAX_PROMPT || [...text].length <= MAX_PROMPT,
    `expected at most ${MAX_PROMPT} characters`,
  )
  .meta({ maxLength: MAX_PROMPT, description: 'The prompt: a text description of the scene beyond the motion.' });

const objectErrors = (issue: { readonly code?: string }): string | undefined =>
  issue.code === 'invalid_type' ? 'expected a JSON object' : undefined;

/** All known fields. An unknown one is rejected unless it is empty. */
export const submitBody = z.strictObject(
  {
    image_url: httpUrl('The URL of the image of the character: JPG or PNG, at most 50 MB, each side at least 300 px.'),
    video_url: httpUrl(
      'The URL of the video of the motion: MP4 or MOV, at most 100 MB, ' +
        'one continuous shot of 3 to 10 s (`image`) or 3 to 30 s (`video`).',
    ),
    character_orientation: oneOf('image', 'video')
      .default('image')
      .meta({ description: 'The input that determines the orientation of the character.' }),
    mode: oneOf('std', 'pro')
      .default('std')
      .meta({ description: 'The quality of the video: `std` is 720p, `pro` is 1080p.' }),
    prompt: prompt.optional(),
    keep_original_sound: oneOf('yes', 'no')
      .optional()
      .meta({ description: 'Whether to keep the sound of `video_url`; `yes` if omitted.' }),
    model_name: z
      .string({ error: 'expected a string' })
      .regex(/^[a-z0-9._-]{1,64}$/, 'expected 1 to 64 of a-z, 0-9, ".", "_" and "-"')
      .optional()
      .meta({ description: 'The name of a model, such as `kling-v2-6`; if omitted, the vendor chooses the model.' }),
    watermark_info: z
      .strictObject({ enabled: boolean }, { error: objectErrors })
      .optional()
      .meta({ description: 'Whether to add a watermark to the video; no watermark if omitted.' }),
    async: boolean.optional().meta({ description: 'True to receive the `task_id` immediately instead of the result.' }),
    callback_url: httpUrl(
      'The URL to which the result is posted; the response is then the `task_id`, immediately.',
    ).optional(),
  },
  { error: objectErrors },
);

const REQUIRED = ['image_url', 'video_url'] as const;

/** The schema of what may be sent: `submitBody`, in which optional and unknown fields may be empty. */
export const sentSubmitBody = z.object(orEmpty(submitBody.shape, REQUIRED)).catchall(emptyValue);

export type SubmitBody = z.output<typeof submitBody>;

/** The same request with the gateway's own names. */
export interface SubmitInput {
  readonly imageUrl: string;
  readonly videoUrl: string;
  readonly characterOrientation: 'IMAGE' | 'VIDEO';
  readonly mode: 'STD' | 'PRO';
  readonly prompt: string | null;
  /** Null leaves the choice to the upstream. */
  readonly model: string | null;
  readonly keepOriginalSound: boolean;
  readonly watermark: boolean;
  /** The URL to which the result is posted. Makes the request asynchronous. */
  readonly callbackUrl: string | null;
  /** Requests the task id at once, with or without a callback. */
  readonly async: boolean;
}

/**
 * Encodes a submit. Mode, orientation and sound are always explicit, because sources disagree about their defaults; the
 * other optional fields are sent only if requested.
 */
export function encodeSubmitBody(input: SubmitInput): SubmitBody {
  return {
    image_url: input.imageUrl,
    video_url: input.videoUrl,
    character_orientation: input.characterOrientation === 'IMAGE' ? 'image' : 'video',
    mode: input.mode === 'STD' ? 'std' : 'pro',
    keep_original_sound: input.keepOriginalSound ? 'yes' : 'no',
    ...(input.prompt !== null && { prompt: input.prompt }),
    ...(input.model !== null && { model_name: input.model }),
    ...(input.watermark && { watermark_info: { enabled: true } }),
    ...(input.async && { async: true }),
    ...(input.callbackUrl !== null && { callback_url: input.callbackUrl }),
  };
}

export function decodeSubmitBody(body: SubmitBody): SubmitInput {
  return {
    imageUrl: body.image_url,
    videoUrl: body.video_url,
    characterOrientation: body.character_orientation === 'image' ? 'IMAGE' : 'VIDEO',
    mode: body.mode === 'std' ? 'STD' : 'PRO',
    prompt: body.prompt ?? null,
    model: body.model_name ?? null,
    keepOriginalSound: body.keep_original_sound !== 'no',
    watermark: body.watermark_info?.enabled ?? false,
    callbackUrl: body.callback_url ?? null,
    async: body.async ?? false,
  };
}

export type ParsedSubmitBody =
  | { readonly ok: true; readonly body: SubmitBody }
  /** All violations, each as `field: what was expected`, and the valid fields. */
  | { readonly ok: false; readonly violations: readonly string[]; readonly rest: Partial<SubmitBody> };

/**
 * Parses and validates a client's body. An optional field that is null or empty counts as absent; an absent mode or
 * orientation gets its default.
 */
export function parseSubmitBody(value: unknown): ParsedSubmitBody {
  const body = withoutEmpty(value);
  const parsed = submitBody.safeParse(body);
  if (parsed.success) return { ok: true, body: parsed.data };
  const wrong = new Set(parsed.error.issues.map(({ path: [field] }) => field));
  const good = Object.entries(asObject(body) ?? {}).filter(
    ([name]) => Object.hasOwn(submitBody.shape, name) && !wrong.has(name),
  );
  return {
    ok: false,
    violations: violationsOf(parsed.error),
    rest: submitBody.partial().safeParse(Object.fromEntries(good)).data ?? {},
  };
}

const MAX_UNKNOWN = 10;
const MAX_NAME = 64;

/** Returns the violations. Of many unknown fields, it names only the first ones. */
export function violationsOf(error: z.ZodError): string[] {
  return error.issues.flatMap((issue) => {
    const at = (...names: PropertyKey[]): string =>
      [...issue.path, ...names].map((name) => String(name).slice(0, MAX_NAME)).join('.');
    if (issue.code !== 'unrecognized_keys') return [[at(), issue.message].filter(Boolean).join(': ')];
    const named = issue.keys.slice(0, MAX_UNKNOWN).map((key) => `${at(key)}: unknown field`);
    return issue.keys.length > MAX_UNKNOWN
      ? [...named, `and ${issue.keys.length - MAX_UNKNOWN} more unknown fields`]
      : named;
  });
}

/** Returns true if the response is the task id at once, not the result when the task has ended. */
export function isAsynchronous(body: SubmitBody): boolean {
  return body.async === true || body.callback_url !== undefined;
}
