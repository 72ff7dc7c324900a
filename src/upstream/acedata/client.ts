/** The upstream's client: look-ups, and submits of one attempt each, whose end is classified by evidence. */
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
  /** Null connects directly, regardless of the environment. */
  readonly proxies?: ProxySettings | null;
}

export interface UpstreamClient extends Upstream {
  stop(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 10_000;
const LOOK_UP_TIMEOUT_MS = 15_000;
/** The maximum number of tasks in the response to one look-up. */
const PAGE = 50;
/** The maximum number of pages of one listing: 1,000 tasks in full pages. */
const MAX_PAGES = 20;

/** Statuses with which an upstream may reject an `offset` beyond the end. */
const beyondTheEnd: ReadonlySet<number> = new Set([400, 404, 416]);

/** This many ids that are refused individually indicate an outage. */
const MAX_REFUSED_IDS = 3;

/** Returns true for a status that concerns our access, pace or address: a retry with other ids does not help. */
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
   * Removes the token from a text. Responses of the upstream are shown to clients, and may repeat what the upstream was
   * sent. A short token is only ever a placeholder, and may be an ordinary word.
   */
  const withoutToken = (text: string): string =>
    token.length < MIN_TOKEN_LENGTH ? text : text.replaceAll(token, '[redacted]');

  /** Reads the body of a response. At most `MAX_ANSWER_BYTES` are read as sent, and as many after decompression. */
  async function readText({ headers: answered, body }: Dispatcher.ResponseData): Promise<string> {
    return withoutToken(
      await unpackText(Buffer.from(await body.arrayBuffer()), answered['content-encoding'], MAX_ANSWER_BYTES),
    );
  }

  /** Returns the target of a redirect, without the parts that may be secret. */
  const redirectOf = ({ headers: { location } }: Dispatcher.ResponseData): string | null =>
    withoutToken(describeLocation([location ?? ''].flat()[0]!, base));

  async function submit({ jobId, attempt, input }: Attempt, signal: AbortSignal): Promise<SubmitEnd> {
    const callbackUrl = callbackUrls.urlFor(jobId, attempt);
    const body = JSON.stringify(encodeSubmitBody({ ...input, callbackUrl, async: callbackUrl === null }));
    // Each submit has its own connection: on a reused one, a reset cannot be distinguished from a server that had
    // already closed the connection.
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

  return { id, sandbox, submitTimeoutMs, submit, lookUp, list, stop: () => lookUps.destroy() };
}

function lookUpError({
  httpStatus,
  code,
  message,
}: Extract<LookUpAnswer, { kind: 'error' }> & { readonly httpStatus: number }): Error {
  return new Error(`look-up failed: HTTP ${httpStatus}, ${code ?? 'no code'}: ${redactText(message)}`);
}

/** undici's declaration of `DecoratorHandler` omits its methods. */
const Decorated = DecoratorHandler as unknown as new (handler: Dispatcher.DispatchHandler) => {
  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void;
};

/**
 * Creates a connection for one request, which records whether the request began to be written. This separates "never
 * sent" from "may have arrived".
 */
function evidencedConnection(proxies: ProxySettings | null): {
  readonly agent: Dispatcher;
  readonly dispatcher: Dispatcher;
  began(): boolean;
} {
  let began = false;
  class Evidence extends Decorated {
    // Called on an established connection, TLS included, just before the first byte.
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
      // A rejection for an unknown reason, such as a conflict, may name a task that is this job's. In other refusals,
      // the named task is one that is already running.
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

/** Returns a short reason for logs and pauses: the error's code or else its name, never a URL. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { code } = error as { code?: unknown };
  return typeof code === 'string' ? code : error.name;
}
