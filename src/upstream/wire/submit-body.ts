/** What `POST /kling/motion` takes: encoded by the client, parsed by whoever serves it. */
import { z } from 'zod';
import { isHttpUrl } from './json.ts';

const httpUrl = z.string({ error: 'expected an http(s) URL' }).refine(isHttpUrl, 'expected an http(s) URL');

const submitBody = z.strictObject({
  image_url: httpUrl,
  video_url: httpUrl,
  character_orientation: z.enum(['image', 'video']).default('image'),
  mode: z.enum(['std', 'pro']).default('std'),
  prompt: z.string().max(2_500).optional(),
  keep_original_sound: z.enum(['yes', 'no']).optional(),
  model_name: z.string().min(1).max(100).optional(),
  watermark_info: z.strictObject({ enabled: z.boolean() }).optional(),
  async: z.boolean().optional(),
  callback_url: httpUrl.optional(),
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
