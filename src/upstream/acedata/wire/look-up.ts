/** The requests and responses of `POST /kling/tasks`. */
import { z } from 'zod';
import type { TaskRecordAnswer } from './answers.ts';
import { orEmpty, withoutEmpty } from './absent.ts';
import { decodeError, isKnownCode } from './envelopes.ts';
import type { WireError } from './envelopes.ts';
import { asObject, readLooseJson } from './json.ts';
import type { JsonObject } from './json.ts';
import { orRequired, violationsOf } from './submit-body.ts';
import { decodeTaskRecord, encodeTaskRecord, toSeconds } from './task-record.ts';
import type { Task, TaskRecord } from './task-record.ts';

const MAX_LOOK_UP_IDS = 50;
/** The end of the year 9999; a database may not support later times. */
const MAX_SECONDS = 253_402_300_799;

export type LookUp =
  | { readonly kind: 'one'; readonly taskId: string }
  | { readonly kind: 'ids'; readonly taskIds: readonly string[] }
  /** Undocumented: the vendor's console lists tasks by creation time. Both ends are inclusive. */
  | {
      readonly kind: 'window';
      readonly from: Date | null;
      readonly to: Date | null;
      readonly limit: number;
      readonly offset: number;
    };

export function encodeLookUp(lookUp: LookUp): JsonObject {
  switch (lookUp.kind) {
    case 'one':
      return { action: 'retrieve', id: lookUp.taskId };
    case 'ids':
      return { action: 'retrieve_batch', ids: lookUp.taskIds };
    case 'window':
      return {
        action: 'retrieve_batch',
        ...(lookUp.from !== null && { created_at_min: toSeconds(lookUp.from) }),
        ...(lookUp.to !== null && { created_at_max: toSeconds(lookUp.to) }),
        limit: lookUp.limit,
        offset: lookUp.offset,
      };
  }
}

const seconds = (description: string) =>
  z
    .number()
    .nonnegative()
    .max(MAX_SECONDS)
    .transform((value) => new Date(Math.round(value * 1_000)))
    .meta({ description });

const ACTIONS = 'expected `retrieve` or `retrieve_batch`';

const retrieve = z.object({
  action: z.literal('retrieve'),
  id: z
    .string({ error: orRequired('expected a string') })
    .min(1)
    .meta({ description: 'A `task_id`.' }),
});

/** `ids` takes precedence over a time window. */
const retrieveBatch = z.object({
  action: z.literal('retrieve_batch'),
  ids: z
    .array(z.string())
    .max(MAX_LOOK_UP_IDS, `expected at most ${MAX_LOOK_UP_IDS} ids`)
    .optional()
    .meta({ description: 'The ids of the tasks to look up. The known ones are returned, in this order.' }),
  created_at_min: seconds('Without `ids`: tasks accepted at this time or later, in seconds since 1970.').optional(),
  created_at_max: seconds('Without `ids`: tasks accepted at this time or earlier, in seconds since 1970.').optional(),
  limit: z.number().int().min(1).max(MAX_LOOK_UP_IDS).default(MAX_LOOK_UP_IDS),
  offset: z.number().int().min(0).default(0),
});

const lookUpBody = z.discriminatedUnion('action', [retrieve, retrieveBatch], {
  error: ({ input }) =>
    asObject(input) === null
      ? 'expected a JSON object'
      : asObject(input)!.action === undefined
        ? `is required: ${ACTIONS}`
        : ACTIONS,
});

/** The schema of what may be sent: `lookUpBody`, in which optional fields may be empty. */
export const sentLookUpBody = z.discriminatedUnion('action', [
  retrieve,
  z.object({ action: z.literal('retrieve_batch'), ...orEmpty(retrieveBatch.shape, ['action']) }),
]);

export type ParsedLookUp =
  { readonly ok: true; readonly lookUp: LookUp } | { readonly ok: false; readonly violations: readonly string[] };

/**
 * Removes empty fields. An empty list of ids beside a time window or a page is an empty field; alone, it requests no
 * task.
 */
function withoutAbsent(value: unknown): unknown {
  const body = asObject(withoutEmpty(value));
  if (body === null) return value;
  const isEmptyList = Array.isArray(asObject(value)!.ids) && body.ids === undefined;
  const isPaged = ['created_at_min', 'created_at_max', 'limit', 'offset'].some((name) => body[name] !== undefined);
  return isEmptyList && !isPaged ? { ...body, ids: [] } : body;
}

/** Parses and validates a client's look-up. Ids take precedence over a time window. */
export function parseLookUp(value: unknown): ParsedLookUp {
  const parsed = lookUpBody.safeParse(withoutAbsent(value));
  if (!parsed.success) return { ok: false, violations: violationsOf(parsed.error) };
  const body = parsed.data;
  if (body.action === 'retrieve') return { ok: true, lookUp: { kind: 'one', taskId: body.id } };
  if (body.ids !== undefined) return { ok: true, lookUp: { kind: 'ids', taskIds: body.ids } };
  const { created_at_min: from = null, created_at_max: to = null, limit, offset } = body;
  return { ok: true, lookUp: { kind: 'window', from, to, limit, offset } };
}

export function encodeTaskList(tasks: readonly Task[]): {
  readonly items: readonly TaskRecordAnswer[];
  readonly count: number;
} {
  return { items: tasks.map(encodeTaskRecord), count: tasks.length };
}

export type LookUpAnswer =
  /** A requested task that is absent is unknown to the upstream. */
  | {
      readonly kind: 'found';
      readonly records: readonly TaskRecord[];
      /** The number of items in the response, including those that cannot be decoded. */
      readonly itemCount: number;
    }
  /** None of the requested tasks is known to the upstream. */
  | { readonly kind: 'unknown' }
  /** The response contains no information about any task. */
  | ({ readonly kind: 'error' } & WireError);

/**
 * Decodes the response to a look-up. The response for an unknown id is undocumented: an empty body, `{}`, `null`, 404
 * and 400 all mean unknown, unless the error has a code that concerns the caller. The refusal of a whole batch says
 * nothing about a single id, so 400 and 404 are errors there.
 */
export function decodeLookUp(
  httpStatus: number,
  text: string,
  asked: LookUp['kind'] = 'one',
  taskIds: readonly string[] = [],
): LookUpAnswer {
  if (httpStatus < 200 || httpStatus > 299) {
    const error = decodeError(httpStatus, text);
    const aboutTheTask = error.code === 'bad_request' || !isKnownCode(error.code);
    const isUnknown = asked === 'one' && aboutTheTask && (httpStatus === 400 || httpStatus === 404);
    return isUnknown ? { kind: 'unknown' } : { kind: 'error', ...error };
  }
  const body = text.trim() === '' ? null : readLooseJson(text);
  const answer = asObject(body);
  if (body === null || (answer !== null && Object.keys(answer).length === 0)) return { kind: 'unknown' };
  const items: unknown[] | null = Array.isArray(answer?.items) ? answer.items : null;
  const onlyAsked = taskIds.length === 1 && (items ?? [answer]).length === 1 ? taskIds[0]! : null;
  const all = items ?? [answer];
  const records = all.map((item) => decodeTaskRecord(item, onlyAsked)).filter((record) => record !== null);
  const isRecord = items !== null || records.length > 0;
  return isRecord
    ? { kind: 'found', records, itemCount: all.length }
    : { kind: 'error', ...decodeError(httpStatus, answer ?? text) };
}
