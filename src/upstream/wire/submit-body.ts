/** What `POST /kling/motion` takes: encoded by the client, parsed by whoever serves it. */
import { z } from 'zod';
import { isHttpUrl } from './json.ts';

const MAX_URL = 2_048;
const MAX_PROMPT = 2_500;

const httpUrl = (description: string) =>
  z.string({ error: 'expected an http(s) URL' }).max(MAX_URL).refine(isHttpUrl, 'expected an http(s) URL').meta({ format: 'uri', description });

/** Characters and not halves of them are counted, as JSON Schema does. */
const prompt = z
  .string()
  .refine((text) => text.length <= MAX_PROMPT || [...text].length <= MAX_PROMPT, `expected at most ${MAX_PROMPT} characters`)
  .meta({ maxLength: MAX_PROMPT, description: 'What else to say about the video.' });

/** Every field there is; an unknown one is refused. */
export const submitBody = z.strictObject({
  image_url: httpUrl('The character: JPG or PNG, up to 50 MB, each side at least 300 px.'),
  video_url: httpUrl('The motion: MP4 or MOV, up to 100 MB, one unbroken shot of 3 to 10 s (`image`) or 3 to 30 s (`video`).'),
  character_orientation: z.enum(['image', 'video']).default('image').meta({ description: 'Whether the character faces as in the image or as in the video.' }),
  mode: z.enum(['std', 'pro']).default('std').meta({ description: '`std` is 720p, `pro` 1080p.' }),
  prompt: prompt.optional(),
  keep_original_sound: z.enum(['yes', 'no']).optional().meta({ description: 'Whether the sound of `video_url` is kept; `yes` without it.' }),
  model_name: z.string().regex(/^[a-z0-9._-]{1,64}$/, 'expected 1 to 64 of a-z, 0-9, ".", "_" and "-"').optional().meta({ description: "A model such as `kling-v2-6`; the vendor's choice without it." }),
  watermark_info: z.strictObject({ enabled: z.boolean() }).optional().meta({ description: 'Whether the video gets a watermark; none without it.' }),
  async: z.boolean().optional().meta({ description: 'Answers `task_id` at once instead of the result.' }),
  callback_url: httpUrl('Where the result is wanted; answers `task_id` at once.').optional(),
});

export type SubmitBody = z.output<typeof submitBody>;

/** The same request in our side's names. */
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
  /** Where the result shall be posted; makes the call asynchronous. */
  readonly callbackUrl: string | null;
  /** Asks for the task id at once, with or without a callback. */
  readonly async: boolean;
}

/** Mode, orientation and sound are always spelled out, because sources disagree about their defaults; the rest only when asked for. */
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
  /** Every violation at once, each as `field: what was expected`. */
  | { readonly ok: false; readonly violations: readonly string[] };

/** Checks what a client sent. A missing mode or orientation gets its default; an unknown field is a violation. */
export function parseSubmitBody(value: unknown): ParsedSubmitBody {
  const parsed = submitBody.safeParse(value);
  return parsed.success ? { ok: true, body: parsed.data } : { ok: false, violations: violationsOf(parsed.error) };
}

export function violationsOf(error: z.ZodError): string[] {
  return error.issues.map((issue) => [issue.path.join('.'), issue.message].filter(Boolean).join(': '));
}

/** Whether the answer is the task id at once rather than the result when it is done. */
export function isAsynchronous(body: SubmitBody): boolean {
  return body.async === true || body.callback_url !== undefined;
}
