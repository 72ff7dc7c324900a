/** The upstream's client: one attempt to submit, classified by evidence, and look-ups. */
import { DecoratorHandler, request, type Dispatcher } from 'undici';
import type { Upstream } from '../../jobs/ports/upstream.ts';
import type { Attempt, SubmitEnd, TaskReport } from '../../jobs/model/upstream-news.ts';
import type { CallbackUrls } from '../callback-url.ts';
import { toOutcome, toRefusal } from './outcome.ts';
import { createDispatcher, type ProxySettings } from './proxy.ts';
import { redactText } from './redact.ts';
import { unpackText } from './unpack.ts';
import { isKnownCode } from './wire/envelopes.ts';
import { decodeLookUp, encodeLookUp, type LookUp, type LookUpAnswer } from './wire/look-up.ts';
import { LOOK_UP_PATH, SUBMIT_PATH } from './wire/routes.ts';
import { describeLocation, isRedirect, redirectMessage } from './wire/redirect.ts';
import { decodeSubmitAnswer } from './wire/submit-answer.ts';
import { encodeSubmitBody } from './wire/submit-body.ts';

export interface UpstreamClientOptions {
  readonly id: string;
  readonly sandbox: boolean;
  readonly baseUrl: string;
  readonly token: string;
  readonly callbackUrls: CallbackUrls;
  readonly submitTimeoutMs: number;
  /** Null reaches it directly, whatever the environment says. */
  readonly proxies?: ProxySettings | null;
}

export interface UpstreamClient extends Upstream {
  stop(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 10_000;
const LOOK_UP_TIMEOUT_MS = 15_000;
/** The most that one look-up answers. */
const PAGE = 50;
/** Of one listing: 1,000 tasks in full pages. */
const MAX_PAGES = 20;

/** How an upstream may refuse an `offset` beyond the end. */
const beyondTheEnd: ReadonlySet<number> = new Set([400, 404, 416]);

/** More than this many ids that are refused alone are an outage. */
const MAX_REFUSED_IDS = 3;

/** Statuses that are about our access, pace or address: asking again with other ids is no help. */
const isAboutUs = (httpStatus: number): boolean =>
  [401, 402, 403, 407, 429].includes(httpStatus) || isRedirect(httpStatus);

const MIN_TOKEN_LENGTH = 16;

const MAX_ANSWER_BYTES = 4 * 1_048_576;

export function createUpstreamClient({
  id,
  sandbox,
  baseUrl,
  token,
  callbackUrls,
  submitTimeoutMs,
  proxies = null,
}: UpstreamClientOptions): UpstreamClient {
  const base = baseUrl.replace(/\/+$/, '');
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', accept: 'application/json' };
  const lookUps = createDispatcher(proxies, {
    connections: 2,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    maxAnswerBytes: MAX_ANSWER_BYTES,
  });

  /**
   * What the upstream answers is shown to clients, and it may repeat what it was sent. A short token is only ever a
   * placeholder, and may be a word.
   */
  const withoutToken = (text: string): string =>
    token.length < MIN_TOKEN_LENGTH ? text : text.replaceAll(token, '[redacted]');

  /** The body of an answer, at most `MAX_ANSWER_BYTES` as it comes and as much again once it is unpacked. */
  async function readText({ headers: answered, body }: Dispatcher.ResponseData): Promise<string> {
    return withoutToken(
      await unpackText(Buffer.from(await body.arrayBuffer()), answered['content-encoding'], MAX_ANSWER_BYTES),
    );
  }

  /** Where an answer redirects to, without what may be secret in it. */
  const redirectOf = ({ headers: { location } }: Dispatcher.ResponseData): string | null =>
    withoutToken(describeLocation([location ?? ''].flat()[0]!, base));

  async function submit({ jobId, attempt, input }: Attempt, signal: AbortSignal): Promise<SubmitEnd> {
    const callbackUrl = callbackUrls.urlFor(jobId, attempt);
    const body = JSON.stringify(encodeSubmitBody({ ...input, callbackUrl, async: callbackUrl === null }));
    // A connection of its own for each submit: on a reused one, a reset cannot be told from a server that had closed it
    // before.
    const connection = evidencedConnection(proxies);
    try {
      const response = await request(`${base}${SUBMIT_PATH}`, {
        method: 'POST',
        headers,
        body,
        dispatcher: connection.dispatcher,
        signal: AbortSignal.any([signal, AbortSignal.timeout(submitTimeoutMs)]),
        headersTimeout: submitTimeoutMs,
        bodyTimeout: submitTimeoutMs,
      });
      return endOf(response.statusCode, await readText(response), redirectOf(response));
    } catch (error) {
      const reason = reasonOf(error);
      return connection.began()
        ? { kind: 'ambiguous', about: 'path', reason, httpStatus: null, traceId: null, taskId: null }
        : { kind: 'neverSent', reason };
    } finally {
      void connection.agent.destroy();
    }
  }

  async function lookUp(taskIds: readonly string[], signal: AbortSignal): Promise<ReadonlyMap<string, TaskReport>> {
    const answer = await ask({ kind: 'ids', taskIds }, signal);
    if (answer.kind !== 'error') return reportsOf(answer);
    if (isAboutUs(answer.httpStatus)) throw lookUpError(answer);
    return lookUpEach(taskIds, signal);
  }

  /**
   * One id may be what a refused batch is about: each is asked for alone, and one that is refused again counts as not
   * known.
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
    const response = await request(`${base}${LOOK_UP_PATH}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(encodeLookUp(what)),
      dispatcher: lookUps,
      signal: AbortSignal.any([signal, AbortSignal.timeout(LOOK_UP_TIMEOUT_MS)]),
    });
    const text = await readText(response);
    const taskIds = what.kind === 'one' ? [what.taskId] : what.kind === 'ids' ? what.taskIds : [];
    const answer = decodeLookUp(response.statusCode, text, what.kind, taskIds);
    const isMoved = answer.kind === 'error' && isRedirect(response.statusCode);
    return {
      ...answer,
      ...(isMoved && { message: redirectMessage(redirectOf(response)) }),
      httpStatus: response.statusCode,
    };
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
   * Neither the order of a listing nor the largest `limit` is documented, and neither is the answer to an `offset`
   * beyond the end. Pages are read until one brings nothing new, because a full page can have fewer than `PAGE` items.
   * A task that moves between two pages is there twice.
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

  return { id, sandbox, submitTimeoutMs, submit, lookUp, list, stop: () => lookUps.destroy() };
}

function lookUpError({
  httpStatus,
  code,
  message,
}: Extract<LookUpAnswer, { kind: 'error' }> & { readonly httpStatus: number }): Error {
  return new Error(`the upstream's look-up failed: HTTP ${httpStatus}, ${code ?? 'no code'}: ${redactText(message)}`);
}

/** undici's declaration of `DecoratorHandler` leaves its methods out. */
const Decorated = DecoratorHandler as unknown as new (handler: Dispatcher.DispatchHandler) => {
  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void;
};

/**
 * A connection for one request, which remembers whether that request began to be written: the line between "never sent"
 * and "may have arrived".
 */
function evidencedConnection(proxies: ProxySettings | null): {
  readonly agent: Dispatcher;
  readonly dispatcher: Dispatcher;
  began(): boolean;
} {
  let began = false;
  class Evidence extends Decorated {
    // Called on a connection that stands, TLS included, just before the first byte.
    override onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
      super.onRequestStart(controller, context);
      began ||= !controller.aborted;
    }
  }
  const agent = createDispatcher(proxies, {
    connections: 1,
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    maxAnswerBytes: MAX_ANSWER_BYTES,
  });
  const dispatcher = agent.compose((dispatch) => (options, handler) => dispatch(options, new Evidence(handler)));
  return { agent, dispatcher, began: () => began };
}

function endOf(httpStatus: number, text: string, location: string | null): SubmitEnd {
  const answer = decodeSubmitAnswer(httpStatus, text, location);
  switch (answer.kind) {
    case 'accepted':
      return { ...answer, outcome: answer.outcome && toOutcome(answer.outcome) };
    case 'ambiguous':
      return {
        kind: 'ambiguous',
        about: answer.enveloped ? 'job' : 'path',
        reason: redactText(answer.reason),
        httpStatus,
        traceId: answer.traceId,
        taskId: answer.taskId,
      };
    case 'refused': {
      const refusal = toRefusal(answer);
      const { message, taskId, traceId } = answer;
      // A rejection for an unknown reason, such as a conflict, that names a task: the task may be this job's. In other
      // refusals it is one that runs already.
      const mayExist = refusal.kind === 'rejected' && taskId !== null && !isKnownCode(answer.code);
      if (mayExist)
        return {
          kind: 'ambiguous',
          about: 'job',
          reason: redactText(`HTTP ${httpStatus}, ${message}`),
          httpStatus,
          traceId,
          taskId,
        };
      return { kind: 'refused', refusal, httpStatus, traceId };
    }
  }
}

/** A short reason for logs and pauses: the code where there is one, never a URL. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : error.name;
}
