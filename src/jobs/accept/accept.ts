/** Accepts a request: stores it as a QUEUED job, completely or not at all. */
import { createHash } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import {
  checkRequest,
  findViolations,
  type CheckedRequest,
  type MotionRequest,
  type Violation,
} from './input-rules.ts';
import type { Job, JobWebhook } from '../model/job.ts';
import type { JobStore } from '../ports/store.ts';
import type { AcceptEffect, Refusal } from '../ports/effects.ts';
import { answerSpentKey, refuseSpentKey } from './deleted-job-key.ts';
import { eventOf } from '../model/job-event.ts';
import type { Transaction } from '../../transaction.ts';
import type { Upstream } from '../ports/upstream.ts';

export type AcceptResult =
  | { readonly kind: 'accepted'; readonly job: Job }
  /** Same key and input: returns the existing job in its current state. */
  | { readonly kind: 'replayed'; readonly job: Job }
  /** The key was used for a different input. */
  | { readonly kind: 'keyReused' }
  /** The job with this key and input was deleted; nothing was stored. */
  | { readonly kind: 'jobDeleted' }
  /** Another core refused the job; nothing was stored. */
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'invalid'; readonly violations: readonly Violation[] };

/**
 * Accepts a request for `accountId`. When it resolves with a job, the job is committed. When it rejects, nothing was
 * stored, unless the error says that the outcome of a commit is unknown.
 */
export type Accept = (accountId: string, request: MotionRequest, steps?: AcceptSteps) => Promise<AcceptResult>;

/**
 * Steps that the caller adds to the accept transaction. If a step throws, the whole transaction is rolled back and the
 * accept rejects with that error.
 */
export interface AcceptSteps {
  /** Runs before anything is stored. */
  readonly before?: (tx: Transaction) => Promise<void>;
  /** Runs when a new job is stored, but not for an existing job. */
  readonly stored?: (tx: Transaction, job: Job) => Promise<void>;
}

export type CheckWebhookUrl = (
  text: string,
) => { readonly ok: true; readonly url: string } | ({ readonly ok: false } & Pick<Violation, 'code' | 'message'>);

interface AcceptDeps {
  readonly store: JobStore;
  readonly upstream: Pick<Upstream, 'id' | 'sandbox'>;
  readonly effects: readonly AcceptEffect[];
  /** Checks that the gateway may send requests to a URL, and returns the URL as WHATWG `URL` serializes it. */
  readonly checkWebhookUrl: CheckWebhookUrl;
  readonly nudge: () => void;
}

/** Returns all violations in the fields that are present; nothing is stored. */
export type CheckFields = (request: Partial<MotionRequest>) => readonly Violation[];

export const createCheck =
  (checkWebhookUrl: CheckWebhookUrl): CheckFields =>
  (request) => {
    const receiver = typeof request.webhookUrl === 'string' ? checkWebhookUrl(request.webhookUrl) : null;
    return [
      ...findViolations(request),
      ...(receiver?.ok === false
        ? [{ code: receiver.code, message: receiver.message, field: ['input', 'webhookUrl'] }]
        : []),
    ];
  };

/** Thrown inside the transaction to roll back everything stored so far. */
class RefusedError extends Error {
  override readonly name = 'RefusedError';

  constructor(readonly refusal: Refusal) {
    super(refusal.code);
  }
}

export function createAccept({ store, upstream, effects, checkWebhookUrl, nudge }: AcceptDeps): Accept {
  return async (accountId, request, steps = {}) => {
    const violations = createCheck(checkWebhookUrl)(request);
    const checked = checkRequest(request);
    if (!checked.ok || violations.length > 0) return { kind: 'invalid', violations };
    const receiver = typeof request.webhookUrl === 'string' ? checkWebhookUrl(request.webhookUrl) : null;
    const { input, labels, idempotencyKey } = checked.request;
    const webhook: JobWebhook | null = receiver?.ok
      ? { url: receiver.url, format: request.webhookFormat ?? 'STANDARD' }
      : null;
    const inputHash = hashInput(checked.request, webhook);

    const result = await store
      .transaction(async (tx): Promise<AcceptResult> => {
        await steps.before?.(tx);
        const former = request.formerIdempotencyKey ?? null;
        const stored = former === null ? null : await store.findByKey(tx, accountId, former);
        if (stored) return stored.inputHash === inputHash ? { kind: 'replayed', job: stored } : { kind: 'keyReused' };
        await refuseSpentKey(store, tx, accountId, former);
        const job = await store.insert(tx, {
          id: uuidv7(),
          accountId,
          upstreamId: upstream.id,
          sandbox: upstream.sandbox,
          input,
          labels,
          webhook,
          idempotencyKey,
          inputHash,
        });
        if (job) {
          await refuseSpentKey(store, tx, accountId, idempotencyKey);
          await store.note(tx, job.id, eventOf(job, 'ACCEPTED'));
          for (const effect of effects) {
            const refusal = await effect(tx, job);
            if (refusal) throw new RefusedError(refusal);
          }
          await steps.stored?.(tx, job);
          return { kind: 'accepted', job };
        }
        // The insert waited for the transaction that held the key, so the next statement sees its committed job.
        const earlier = idempotencyKey === null ? null : await store.findByKey(tx, accountId, idempotencyKey);
        if (!earlier) {
          // The job may have existed and been deleted: the insert does not wait for a deletion that begins after it.
          await refuseSpentKey(store, tx, accountId, idempotencyKey);
          throw new Error('a job was neither stored nor found');
        }
        return earlier.inputHash === inputHash ? { kind: 'replayed', job: earlier } : { kind: 'keyReused' };
      })
      .catch((error: unknown) =>
        error instanceof RefusedError
          ? { kind: 'refused' as const, refusal: error.refusal }
          : answerSpentKey(inputHash)(error),
      );
    if (result.kind === 'accepted') nudge();
    return result;
  };
}

/** Returns a hash that identifies an effective input. Its version distinguishes it from hashes of a later algorithm. */
export function hashInput({ input, labels }: CheckedRequest, webhook: JobWebhook | null = null): string {
  const { imageUrl, videoUrl, prompt, mode, model, characterOrientation, keepOriginalSound, watermark } = input;
  // Different spellings of a URL count as one input. The hash also equals the one from the time when URLs were stored
  // as WHATWG `URL` serializes them.
  const canonical = [
    new URL(imageUrl).href,
    new URL(videoUrl).href,
    prompt,
    mode,
    model,
    characterOrientation,
    keepOriginalSound,
    watermark,
    labels.map(({ key, value }) => [key, value]),
    ...(webhook ? [webhook.url, webhook.format] : []),
  ];
  return `v1:${createHash('sha256').update(JSON.stringify(canonical)).digest('base64url')}`;
}
