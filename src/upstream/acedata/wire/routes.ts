/**
 * The upstream's routes as a Fastify plugin, independent of the service behind them. A `trace_id` is the id of the
 * request.
 */
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { encodeError, errorStatuses } from './envelopes.ts';
import type { ErrorCode } from './envelopes.ts';
import { asObject, readJson } from './json.ts';
import type { JsonObject } from './json.ts';
import { encodeTaskList, parseLookUp } from './look-up.ts';
import type { LookUp } from './look-up.ts';
import { parseSubmitBody } from './submit-body.ts';
import type { SubmitBody } from './submit-body.ts';
import { encodeTaskRecord } from './task-record.ts';
import type { Task } from './task-record.ts';

export const SUBMIT_PATH = '/kling/motion';
export const LOOK_UP_PATH = '/kling/tasks';

/** Thrown by a service to refuse a request; sent as an error envelope with the HTTP status of its code. */
export class Refusal extends Error {
  override readonly name = 'Refusal';

  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly retryAfterSeconds?: number,
  ) {
    super(message);
  }
}

/** A request of which only the head has been read. */
interface Arrival {
  readonly action: 'submit' | 'lookUp';
  readonly request: FastifyRequest;
  /** For setting headers of the response. */
  readonly reply: FastifyReply;
}

export interface SubmitContext {
  /** The trace id for the task's record and its result. */
  readonly traceId: string;
  /** The time at which the headers had arrived, by `performance.now()`. */
  readonly arrivedAt: number;
  /** The body as it was sent, without defaults. */
  readonly sent: JsonObject;
  readonly headers: IncomingHttpHeaders;
  /** Aborts when the client disconnects. */
  readonly signal: AbortSignal;
  /** The response in progress, for observation only. */
  readonly response: ServerResponse;
}

export type SubmitReply =
  /** JSON: the task's id, or the flat result. The status is 200 if `httpStatus` is absent. */
  | { readonly kind: 'json'; readonly httpStatus?: number; readonly body: JsonObject }
  /** Raw text, for simulating a broken server. */
  | { readonly kind: 'raw'; readonly httpStatus: number; readonly contentType: string; readonly text: string }
  /** No response at all: the connection stays open until the client or the server closes it. */
  | { readonly kind: 'hang' };

export interface UpstreamService<Caller> {
  /**
   * Authenticates a request before its body is read. `token` is the text after `Bearer`, or null. Throws a `Refusal`
   * for an unknown client and for one without permission.
   */
  authenticate(token: string | null, arrival: Arrival): Promise<Caller>;
  submit(caller: Caller, body: SubmitBody, context: SubmitContext): Promise<SubmitReply>;
  /**
   * Returns the other violations of a body that is already refused, with the field names of the contract. Receives the
   * valid fields of the body, so that one response lists all violations.
   */
  findViolations?(body: Partial<SubmitBody>, headers: IncomingHttpHeaders): readonly string[];
  retrieve(caller: Caller, taskId: string): Promise<Task | null>;
  /** Returns only the tasks that exist, at most 50. */
  retrieveBatch(caller: Caller, lookUp: Exclude<LookUp, { kind: 'one' }>): Promise<readonly Task[]>;
}

/**
 * Mounts `POST /kling/motion` and `POST /kling/tasks`. All other paths below `/kling` are answered with 404 `no_api`.
 */
export async function registerUpstreamRoutes<Caller>(
  app: FastifyInstance,
  service: UpstreamService<Caller>,
): Promise<void> {
  await app.register(
    async (routes) => {
      routes.removeAllContentTypeParsers();
      routes.addContentTypeParser('application/json', { parseAs: 'string' }, parseBody);
      routes.setErrorHandler(sendError);
      routes.setNotFoundHandler(sendNoApi);
      // Runs before the body is parsed: an unknown route is answered with `no_api`, whatever it is sent.
      routes.addHook('onRequest', async (request, reply) => (request.is404 ? sendNoApi(request, reply) : undefined));

      const callers = new WeakMap<FastifyRequest, Caller>();
      const callerOf = (request: FastifyRequest) => callers.get(request) as Caller;
      const admit = (action: Arrival['action']) => async (request: FastifyRequest, reply: FastifyReply) => {
        callers.set(request, await service.authenticate(bearerOf(request), { action, request, reply }));
      };

      routes.post('/motion', { onRequest: admit('submit') }, async (request, reply) => {
        const parsed = parseSubmitBody(request.body);
        if (!parsed.ok)
          throw new Refusal(
            'bad_request',
            [...parsed.violations, ...(service.findViolations?.(parsed.rest, request.headers) ?? [])].join('; '),
          );
        const arrivedAt = performance.now() - reply.elapsedTime;
        const context = {
          traceId: request.id,
          arrivedAt,
          sent: asObject(request.body)!,
          headers: request.headers,
          signal: goneSignal(reply),
          response: reply.raw,
        };
        return sendSubmitReply(reply, await service.submit(callerOf(request), parsed.body, context));
      });

      routes.post('/tasks', { onRequest: admit('lookUp') }, async (request, reply) => {
        const parsed = parseLookUp(request.body);
        if (!parsed.ok) throw new Refusal('bad_request', parsed.violations.join('; '));
        if (parsed.lookUp.kind !== 'one')
          return encodeTaskList(await service.retrieveBatch(callerOf(request), parsed.lookUp));
        const task = await service.retrieve(callerOf(request), parsed.lookUp.taskId);
        // The upstream's response for an unknown id is undocumented; every client must understand a 404.
        return task === null
          ? reply.code(404).send(encodeError('not_found', 'There is no such task.', request.id))
          : encodeTaskRecord(task);
      });
    },
    { prefix: '/kling' },
  );
}

export function sendNoApi(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return reply
    .code(404)
    .send(encodeError('no_api', `There is no API at ${request.method} ${request.url}.`, request.id));
}

function sendSubmitReply(reply: FastifyReply, answer: SubmitReply): FastifyReply {
  switch (answer.kind) {
    case 'json':
      return reply.code(answer.httpStatus ?? 200).send(answer.body);
    case 'raw':
      return reply.code(answer.httpStatus).type(answer.contentType).send(answer.text);
    case 'hang':
      return reply.hijack();
  }
}

function sendError(error: FastifyError | Refusal, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (error instanceof Refusal) {
    if (error.retryAfterSeconds !== undefined) void reply.header('retry-after', error.retryAfterSeconds);
    return reply.code(errorStatuses[error.code]).send(encodeError(error.code, error.message, request.id));
  }
  const status = error.statusCode ?? 500;
  if (status === 413) return reply.code(status).send(encodeError('bad_request', bodyTooLarge(request), request.id));
  if (status >= 400 && status <= 499)
    return reply.code(status).send(encodeError('bad_request', error.message, request.id));
  request.log.error({ err: error }, 'a route of the upstream contract failed');
  return reply.code(500).send(encodeError('api_error', 'Internal error.', request.id));
}

async function parseBody(_request: FastifyRequest, text: string): Promise<unknown> {
  const body = readJson(text);
  if (body === undefined) throw new Refusal('bad_request', 'The body is not JSON.');
  return body;
}

/** Returns the message that every route uses: it states the limit and the setting that changes it. */
function bodyTooLarge(request: FastifyRequest): string {
  return `The body is larger than the limit of ${request.routeOptions.bodyLimit} bytes (MAX_BODY_BYTES).`;
}

function bearerOf(request: FastifyRequest): string | null {
  return /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? null;
}

/**
 * Returns a signal that aborts when the client disconnects. On Node 20, `request.signal` aborts as soon as the body is
 * read.
 */
function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  const { raw } = reply;
  // Not the response's own socket: a response that is queued behind another one on its connection has none, and Node 20
  // does not close it with the connection.
  const { socket } = raw.req;
  const abort = (): void => {
    socket.off('close', abort);
    gone.abort();
  };
  // The client may have disconnected while its body was parsed.
  if (raw.destroyed || raw.closed || socket.destroyed) gone.abort();
  raw.once('close', abort);
  socket.once('close', abort);
  return gone.signal;
}
