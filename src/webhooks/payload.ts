/** The body of a standard webhook: type, time, and the job as the API shows it. */
import type { WebhookEventType } from './webhook.ts';

/** Standard Webhooks asks for less than 20 kB. */
const MAX_BYTES = 20_000;

/** Fields that the client supplied and that can be long; the longest first. */
const ownFields = ['labels', 'prompt', 'imageUrl', 'videoUrl'] as const;

/**
 * Encodes a payload as JSON below 20 kB. If the job is larger, the client's own fields are replaced by null one after
 * another and listed in `omitted`; a query returns their values.
 */
export function encodePayload(type: WebhookEventType, timestamp: Date, job: Readonly<Record<string, unknown>>): string {
  const omitted: string[] = [];
  for (let left: Record<string, unknown> = { ...job }; ;) {
    const text = JSON.stringify({
      type,
      timestamp: timestamp.toISOString(),
      data: { job: left, ...(omitted.length > 0 && { omitted }) },
    });
    const next = ownFields[omitted.length];
    if (Buffer.byteLength(text) < MAX_BYTES || next === undefined) return text;
    omitted.push(next);
    left = { ...left, [next]: null };
  }
}
