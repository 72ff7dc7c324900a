/** From the body of a submit to what the core takes. Pure. */
import { createHash } from 'node:crypto';
import type { MotionRequest, Violation } from '../../jobs/accept/input-rules.ts';
import { decodeSubmitBody, type SubmitBody } from '../../upstream/acedata/wire/submit-body.ts';

/** The one place where fields of the contract become fields of a job. */
export function toMotionRequest(body: SubmitBody, idempotencyKey: string | null): MotionRequest {
  const { imageUrl, videoUrl, characterOrientation, mode, prompt, model, keepOriginalSound, watermark, callbackUrl } =
    decodeSubmitBody(body);
  return {
    imageUrl,
    videoUrl,
    characterOrientation,
    mode,
    prompt,
    model,
    keepOriginalSound,
    watermark,
    idempotencyKey,
    webhookUrl: callbackUrl,
    webhookFormat: 'FLAT',
  };
}

/** The same of a body of which only some fields are good; the others are absent. */
export const toPartialRequest = (body: Partial<SubmitBody>, idempotencyKey: string | null): Partial<MotionRequest> =>
  toMotionRequest(body as SubmitBody, idempotencyKey);

const wireNames: Readonly<Record<string, string>> = {
  imageUrl: 'image_url',
  videoUrl: 'video_url',
  model: 'model_name',
  webhookUrl: 'callback_url',
  idempotencyKey: 'Idempotency-Key',
};

/** In the words of the contract. */
export function describe({ field: [, name = ''], message }: Violation): string {
  return `${wireNames[name] ?? name}: ${message}`;
}

/**
 * The same for bodies that ask for the same: the order of keys, blanks, and defaults that are spelled out make no
 * difference. The version is part of it.
 */
export function hashBody(body: SubmitBody): string {
  const {
    imageUrl,
    videoUrl,
    characterOrientation,
    mode,
    prompt,
    model,
    keepOriginalSound,
    watermark,
    callbackUrl,
    async,
  } = decodeSubmitBody(body);
  const canonical = [
    imageUrl,
    videoUrl,
    characterOrientation,
    mode,
    prompt,
    model,
    keepOriginalSound,
    watermark,
    callbackUrl,
    async,
  ];
  return `v1:${createHash('sha256').update(JSON.stringify(canonical)).digest('base64url')}`;
}
