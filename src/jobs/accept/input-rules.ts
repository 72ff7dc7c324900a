/** The rules for a request, checked before anything is stored or paid for. Reports all violations at once. Pure. */
import type { CharacterOrientation, JobWebhook, Label, MotionMode, JobInput } from '../model/job.ts';
import { checkMediaUrl } from './media-url.ts';
import { isStorableText } from '../model/storable-text.ts';

const limits = {
  promptLength: 2_500,
  labels: 16,
  labelKeyLength: 64,
  labelValueLength: 256,
  modelLength: 64,
  idempotencyKeyLength: 255,
} as const;

export const violationCodes = [
  'INVALID_URL',
  'URL_HAS_CREDENTIALS',
  'PRIVATE_ADDRESS',
  'TOO_LONG',
  'TOO_MANY',
  'INVALID_FORMAT',
  'DUPLICATE',
] as const;
type ViolationCode = (typeof violationCodes)[number];

export interface Violation {
  readonly code: ViolationCode;
  readonly message: string;
  /** Path within the mutation's arguments, with list indexes as text. */
  readonly field: readonly string[];
}

/** A client's request with defaults filled in. */
export interface MotionRequest {
  readonly imageUrl: string;
  readonly videoUrl: string;
  readonly prompt?: string | null;
  readonly mode: MotionMode;
  readonly model?: string | null;
  readonly characterOrientation: CharacterOrientation;
  readonly keepOriginalSound: boolean;
  readonly watermark: boolean;
  readonly labels?: readonly Label[] | null;
  /** Where to notify the client of the job's end; `webhookFormat` is `STANDARD` by default. */
  readonly webhookUrl?: string | null;
  readonly webhookFormat?: JobWebhook['format'];
  readonly idempotencyKey?: string | null;
  /**
   * An alternative form of the idempotency key. A job that was stored under it counts as the job of `idempotencyKey`.
   * New jobs are not stored under it.
   */
  readonly formerIdempotencyKey?: string | null;
}

/** A request that passed the checks: URLs as sent, an empty prompt as null, and labels sorted by key. */
export interface CheckedRequest {
  readonly input: JobInput;
  readonly labels: readonly Label[];
  readonly idempotencyKey: string | null;
}

export type CheckResult =
  | { readonly ok: true; readonly request: CheckedRequest }
  | { readonly ok: false; readonly violations: readonly Violation[] };

export function checkRequest(request: MotionRequest): CheckResult {
  const violations = findViolations(request);
  if (violations.length > 0) return { ok: false, violations };
  const { imageUrl, videoUrl, mode, characterOrientation, keepOriginalSound, watermark } = request;
  const input = {
    imageUrl,
    videoUrl,
    prompt: request.prompt || null,
    mode,
    model: request.model || null,
    characterOrientation,
    keepOriginalSound,
    watermark,
  };
  const labels = (request.labels ?? [])
    .map(({ key, value }) => ({ key, value }))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
  return { ok: true, request: { input, labels, idempotencyKey: request.idempotencyKey ?? null } };
}

/** Returns the violations in the fields that are present. */
export function findViolations(request: Partial<MotionRequest>): readonly Violation[] {
  const violations: Violation[] = [];
  const violate = (code: ViolationCode, message: string, ...field: string[]) =>
    void violations.push({ code, message, field: ['input', ...field] });

  for (const name of ['imageUrl', 'videoUrl'] as const) {
    const url = request[name];
    if (url !== undefined) checkMediaUrl(url, name, (code, message) => violate(code, message, name));
  }
  const prompt = request.prompt || null;
  if (prompt !== null) {
    if ([...prompt].length > limits.promptLength)
      violate('TOO_LONG', `The prompt must have at most ${limits.promptLength} characters.`, 'prompt');
    if (!isStorableText(prompt))
      violate('INVALID_FORMAT', 'The prompt must be well-formed Unicode text without NUL characters.', 'prompt');
  }
  const model = request.model || null;
  if (model !== null && !/^[a-z0-9._-]+$/.test(model))
    violate('INVALID_FORMAT', 'The model name must consist of a-z, 0-9, ".", "_" and "-".', 'model');
  if (model !== null && model.length > limits.modelLength)
    violate('TOO_LONG', `The model name must have at most ${limits.modelLength} characters.`, 'model');

  const labels = request.labels ?? [];
  checkLabels(labels, violate);

  const idempotencyKey = request.idempotencyKey ?? null;
  if (idempotencyKey !== null && !isIdempotencyKey(idempotencyKey)) {
    violate(
      'INVALID_FORMAT',
      `The idempotency key must consist of 1 to ${limits.idempotencyKeyLength} visible ASCII characters.`,
      'idempotencyKey',
    );
  }

  return violations;
}

const isIdempotencyKey = (key: string): boolean =>
  /^[\x21-\x7e]+$/.test(key) && key.length <= limits.idempotencyKeyLength;

function checkLabels(
  labels: readonly Label[],
  violate: (code: ViolationCode, message: string, ...field: string[]) => void,
): void {
  if (labels.length > limits.labels) violate('TOO_MANY', `A job can have at most ${limits.labels} labels.`, 'labels');
  const seen = new Set<string>();
  labels.slice(0, limits.labels).forEach(({ key, value }, index) => {
    const at = (name: string) => ['labels', String(index), name] as const;
    if (!/^[a-z0-9_.-]+$/.test(key))
      violate('INVALID_FORMAT', 'A label key must consist of a-z, 0-9, "_", "." and "-".', ...at('key'));
    if (key.length > limits.labelKeyLength)
      violate('TOO_LONG', `A label key must have at most ${limits.labelKeyLength} characters.`, ...at('key'));
    if ([...value].length > limits.labelValueLength)
      violate('TOO_LONG', `A label value must have at most ${limits.labelValueLength} characters.`, ...at('value'));
    if (!isStorableText(value))
      violate(
        'INVALID_FORMAT',
        'A label value must be well-formed Unicode text without NUL characters.',
        ...at('value'),
      );
    if (seen.has(key)) violate('DUPLICATE', 'A label key must not occur more than once.', ...at('key'));
    seen.add(key);
  });
}
