/** Converts the body of a submit to the request that the core takes. Pure functions. */
import { createHash } from 'node:crypto';
import type { MotionRequest, Violation } from '../../jobs/accept/input-rules.ts';
import { decodeSubmitBody, type SubmitBody } from '../../upstream/acedata/wire/submit-body.ts';

/** Maps the fields of the contract to the fields of a job. This is the only place that does. */
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

/** Does the same for a body in which only some fields are valid; the others are absent. */
export const toPartialRequest = (body: Partial<SubmitBody>, idempotencyKey: string | null): Partial<MotionRequest> =>
  toMotionRequest(body as SubmitBody, idempotencyKey);

const wireNames: Readonly<Record<string, string>> = {
  imageUrl: 'image_url',
  videoUrl: 'video_url',
  model: 'model_name',
  webhookUrl: 'callback_url',
  idempotencyKey: 'Idempotency-Key',
};

/** Describes a violation with the field names of the contract. */
export function describe({ field: [, name = ''], message }: Violation): string {
  return `${wireNames[name] ?? name}: ${message}`;
}

/**
 * Returns a hash that is the same for all equivalent bodies: the order of keys, JSON whitespace and explicit defaults
 * make no difference. The hash includes a version.
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
