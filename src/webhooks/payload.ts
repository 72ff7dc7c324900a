/** The body of a standard webhook: type, time, and the job as the API shows it. */
import type { WebhookEventType } from './webhook.ts';

/** Standard Webhooks asks for less than 20 kB. */
const MAX_BYTES = 20_000;

/** What may be long, and is the client's own; the longest first. */
const ownFields = ['labels', 'prompt', 'imageUrl', 'videoUrl'] as const;

/**
 * JSON below 20 kB. Where the job is longer than that, its own fields are left out one after the other and named in
 * `omitted`: a query has them.
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
