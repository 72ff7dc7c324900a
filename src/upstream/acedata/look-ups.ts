/** Looks up tasks of the upstream, by id and by listing a span of time. */
import type { TaskReport } from '../../jobs/model/upstream-news.ts';
import type { Upstream } from '../../jobs/ports/upstream.ts';
import type { CallbackUrls } from '../callback-url.ts';
import { toOutcome } from './outcome.ts';
import { redactText } from './redact.ts';
import type { Transport } from './transport.ts';
import { decodeLookUp, encodeLookUp, type LookUp, type LookUpAnswer } from './wire/look-up.ts';
import { isRedirect, redirectMessage } from './wire/redirect.ts';
import { LOOK_UP_PATH } from './wire/routes.ts';

const LOOK_UP_TIMEOUT_MS = 15_000;
/** The maximum number of tasks in the response to one look-up. */
const PAGE = 50;
/** The maximum number of pages of one listing: 1,000 tasks in full pages. */
const MAX_PAGES = 20;

/** Statuses with which an upstream may reject an `offset` beyond the end. */
const beyondTheEnd: ReadonlySet<number> = new Set([400, 404, 416]);

/** Number of individually refused ids that indicates an outage. */
const MAX_REFUSED_IDS = 3;

/** Returns true for a status about our credentials, rate or URL: a retry with other ids does not help. */
const isAboutUs = (httpStatus: number): boolean =>
  [401, 402, 403, 407, 429].includes(httpStatus) || isRedirect(httpStatus);

export function createLookUps(
  transport: Pick<Transport, 'post'>,
  callbackUrls: CallbackUrls,
): Pick<Upstream, 'lookUp' | 'list'> {
  async function lookUp(taskIds: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, TaskReport>> {
    const answer = await ask({ kind: 'ids', taskIds }, signal);
    if (answer.kind !== 'error') return reportsOf(answer);
    if (isAboutUs(answer.httpStatus)) throw lookUpError(answer);
    return lookUpEach(taskIds, signal);
  }

  /**
   * Looks up each id on its own, because a single id may be the reason why the batch was refused. An id that is refused
   * again counts as unknown.
   */
  async function lookUpEach(taskIds: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, TaskReport>> {
    const reports = new Map<string, TaskReport>();
    let refused = 0;
    for (const taskId of taskIds) {
      const answer = await ask({ kind: 'one', taskId }, signal);
      if (answer.kind === 'error') {
        refused += 1;
        if (isAboutUs(answer.httpStatus) || refused === Math.min(MAX_REFUSED_IDS, taskIds.length))
          throw lookUpError(answer);
      } else for (const [id, report] of reportsOf(answer)) reports.set(id, report);
    }
    return reports;
  }

  async function ask(what: LookUp, signal: AbortSignal): Promise<LookUpAnswer & { readonly httpStatus: number }> {
    const { httpStatus, text, location } = await transport.post({
      path: LOOK_UP_PATH,
      body: JSON.stringify(encodeLookUp(what)),
      timeoutMs: LOOK_UP_TIMEOUT_MS,
      signal,
    });
    const taskIds = what.kind === 'one' ? [what.taskId] : what.kind === 'ids' ? what.taskIds : [];
    const answer = decodeLookUp(httpStatus, text, what.kind, taskIds);
    const isMoved = answer.kind === 'error' && isRedirect(httpStatus);
    return { ...answer, ...(isMoved && { message: redirectMessage(location) }), httpStatus };
  }

  function reportsOf(answer: Exclude<LookUpAnswer, { kind: 'error' }>): ReadonlyMap<string, TaskReport> {
    const records = answer.kind === 'found' ? answer.records : [];
    return new Map(
      records.map(({ taskId, callbackUrl, outcome }) => [
        taskId,
        {
          taskId,
          outcome: toOutcome(outcome),
          echo: callbackUrl === null ? null : (callbackUrls.verifyUrl(callbackUrl) ?? 'other'),
        },
      ]),
    );
  }

  /**
   * Lists the tasks of a span of time. Neither the order of a listing, nor the largest `limit`, nor the response to an
   * `offset` beyond the end is documented. Pages are read until one contains nothing new, because a full page can have
   * fewer than `PAGE` items. A task that moves between two pages appears in both.
   */
  async function list(
    { from, to }: { readonly from: Date; readonly to: Date },
    signal: AbortSignal,
  ): Promise<readonly TaskReport[]> {
    const reports = new Map<string, TaskReport>();
    let offset = 0;
    for (let page = 0; page < MAX_PAGES; page += 1) {
      const answer = await ask({ kind: 'window', from, to, limit: PAGE, offset }, signal);
      if (answer.kind === 'error' && offset > 0 && beyondTheEnd.has(answer.httpStatus)) break;
      if (answer.kind === 'error') throw lookUpError(answer);
      if (answer.kind === 'unknown' || answer.itemCount === 0) break;
      const known = reports.size;
      for (const [id, report] of reportsOf(answer)) reports.set(id, report);
      // Items that cannot be decoded may be new.
      if (reports.size === known && answer.records.length === answer.itemCount) break;
      offset += answer.itemCount;
    }
    return [...reports.values()];
  }

  return { lookUp, list };
}

function lookUpError({
  httpStatus,
  code,
  message,
}: Extract<LookUpAnswer, { kind: 'error' }> & { readonly httpStatus: number }): Error {
  return new Error(`look-up failed: HTTP ${httpStatus}, ${code ?? 'no code'}: ${redactText(message)}`);
}
