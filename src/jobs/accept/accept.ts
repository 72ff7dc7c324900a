/** Accepting: storing a request as a QUEUED job, all of it or nothing. */
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
import { moved } from '../model/job-event.ts';
import type { Transaction } from '../../transaction.ts';
import type { Upstream } from '../ports/upstream.ts';

export type AcceptResult =
  | { readonly kind: 'accepted'; readonly job: Job }
  /** The same key and input as before: the job of then, as it is now. */
  | { readonly kind: 'replayed'; readonly job: Job }
  /** The key was used for another input. */
  | { readonly kind: 'keyReused' }
  /** The job of this key and input was deleted; nothing was stored. */
  | { readonly kind: 'jobDeleted' }
  /** Another core does not let it in; nothing was stored. */
  | { readonly kind: 'refused'; readonly refusal: Refusal }
  | { readonly kind: 'invalid'; readonly violations: readonly Violation[] };

/**
 * Accepts a request for `accountId`. When it resolves with a job, the job is committed; when it rejects, nothing was
 * stored, except where the error says that a commit went unanswered.
 */
export type Accept = (accountId: string, request: MotionRequest, steps?: AcceptSteps) => Promise<AcceptResult>;

/**
 * What whoever asks does in the transaction of the accept; what it throws rolls all of it back, and the accept rejects
 * with it.
 */
export interface AcceptSteps {
  /** Before anything is stored. */
  readonly before?: (tx: Transaction) => Promise<void>;
  /** When a new job is stored; not for one of before. */
  readonly stored?: (tx: Transaction, job: Job) => Promise<void>;
}

export type CheckWebhookUrl = (
  text: string,
) => { readonly ok: true; readonly url: string } | ({ readonly ok: false } & Pick<Violation, 'code' | 'message'>);

interface AcceptDeps {
  readonly store: JobStore;
  readonly upstream: Pick<Upstream, 'id' | 'sandbox'>;
  readonly effects: readonly AcceptEffect[];
  /** Whether we may send anything there; as WHATWG spells it. */
  readonly checkWebhookUrl: CheckWebhookUrl;
  readonly nudge: () => void;
}

/** All that is wrong with the fields of a request that are there; nothing is stored. */
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

/** Thrown inside the transaction, so that what it has stored by then is rolled back. */
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
          await store.note(tx, job.id, moved(job, 'ACCEPTED'));
          for (const effect of effects) {
            const refusal = await effect(tx, job);
            if (refusal) throw new RefusedError(refusal);
          }
          await steps.stored?.(tx, job);
          return { kind: 'accepted', job };
        }
        // The insert waited for whoever held the key, so that job is committed and visible to the next statement.
        const earlier = idempotencyKey === null ? null : await store.findByKey(tx, accountId, idempotencyKey);
        if (!earlier) {
          // Or it was there and was deleted since: the insert waits for no deletion that begins after it.
          await refuseSpentKey(store, tx, accountId, idempotencyKey);
          throw new Error('a job was neither stored nor there before');
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

/** Identifies an effective input. The version is part of it, so that a later way of hashing can tell the two apart. */
export function hashInput({ input, labels }: CheckedRequest, webhook: JobWebhook | null = null): string {
  const { imageUrl, videoUrl, prompt, mode, model, characterOrientation, keepOriginalSound, watermark } = input;
  // Spellings of one URL are one input, and hash as they did when URLs were stored as WHATWG spells them.
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
