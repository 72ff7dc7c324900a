/** GraphQL over HTTP: Apollo Server behind Fastify's routing, limits and logs. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { GraphQLFormattedError } from 'graphql';
import type { Caller } from '../../accounts/caller.ts';
import { UnauthenticatedError } from '../../accounts/errors.ts';
import { networkOf } from '../../network/client-address.ts';
import { OverloadedError } from '../overload/overloaded-error.ts';
import { sendOverloaded } from '../overload/shed.ts';
import { PLAYGROUND_PATH } from '../playground.ts';
import { ACCOUNT_HEADER, takeRequest } from '../rate-limit-headers.ts';
import { codesOf, noteOn } from '../request-notes.ts';
import { acceptedType, GRAPHQL_RESPONSE } from './accepted-type.ts';
import { createApollo } from './apollo.ts';
import type { CurrentRequests } from './apollo-plugins.ts';
import { ClientGoneError, goneSignal } from './client-gone.ts';
import { createExecute, type Execute } from './execute.ts';
import type { GraphQLOptions } from './graphql-options.ts';
import { isMutation, isPageVisit, queryOf } from './operation-request.ts';

/** Callers by request, from authentication on. */
type Callers = WeakMap<FastifyRequest, Caller>;

/** Mounts the route and starts Apollo Server, which stops when the Fastify instance closes. */
export async function registerGraphQL(app: FastifyInstance, options: GraphQLOptions): Promise<void> {
  const current: CurrentRequests = { requests: new WeakMap(), unacceptable: new WeakSet() };
  const apollo = createApollo(options, current);
  await apollo.start();
  app.addHook('onClose', () => apollo.stop());

  const callers: Callers = new WeakMap();
  const answer = createAnswer(options, callers, createExecute(apollo, current, options.cores));
  app.route({
    method: ['GET', 'POST'],
    url: options.path,
    onRequest: createAuthentication(options, callers),
    handler: (request, reply) =>
      answer(request, reply).catch((error: unknown) => {
        if (error instanceof ClientGoneError) return reply.hijack();
        if (error instanceof OverloadedError) return sendOverloaded(request, reply, error);
        throw error;
      }),
  });
}

/**
 * Creates the hook that authenticates and counts a request. It runs before the body is read, so that the body of an
 * unauthenticated client is never parsed.
 */
function createAuthentication({ cores, authenticate, maskError, playground }: GraphQLOptions, callers: Callers) {
  return async (request: FastifyRequest, reply: FastifyReply) => {
    void reply.header('cache-control', 'no-store');
    if (playground && isPageVisit(request)) return reply.redirect(playgroundFrom(request));
    const caller = await authenticate(
      request.headers.authorization,
      request.headers[ACCOUNT_HEADER],
      networkOf(request.ip),
    );
    if (caller) {
      callers.set(request, caller);
      if (caller.accountId !== null) noteOn(request, { accountId: caller.accountId });
      const error = await takeRequest(cores.accounts.limits, caller, request, reply);
      return error === null
        ? undefined
        : reply
            .code(429)
            .header('retry-after', error.retryAfterSeconds)
            .send({ errors: [maskError(error)] });
    }
    const why = await cores.accounts.explainRefusal(request.headers.authorization);
    return reply
      .code(401)
      .header('www-authenticate', 'Bearer')
      .send({ errors: [maskError(new UnauthenticatedError(why))] });
  };
}

/** Creates the function that answers an authenticated request, in a slot and within the time limit. */
function createAnswer(
  { admission, checkDocument, maskError, operationTimeoutMs }: GraphQLOptions,
  callers: Callers,
  execute: Execute,
) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<string> => {
    const untilMs = performance.now() + operationTimeoutMs;
    // Takes the slot before the document is parsed, but after the body has been read: a client that sends its body
    // slowly would otherwise occupy a slot.
    const leave = await admission.enter(isMutation(request) ? 'submit' : 'read', () => goneSignal(reply));
    try {
      const refused = checkDocument(queryOf(request));
      if (refused.length === 0) return await execute({ request, reply, caller: callers.get(request)!, untilMs, leave });
      leave();
      return refuse(
        request,
        reply,
        refused.map((error) => maskError(error)),
      );
    } catch (error) {
      leave();
      throw error;
    }
  };
}

/** Returns a relative path, which is valid below any prefix that a proxy strips. */
const playgroundFrom = ({ url }: FastifyRequest): string =>
  `${url.split('?')[0]!.endsWith('/') ? '..' : '.'}${PLAYGROUND_PATH}`;

/**
 * Responds with the errors. By GraphQL over HTTP, the status is 400 for `application/graphql-response+json`, else 200.
 */
function refuse(request: FastifyRequest, reply: FastifyReply, errors: readonly GraphQLFormattedError[]): string {
  noteOn(request, { errors: codesOf(errors) });
  const type = acceptedType(request.headers.accept) ?? 'application/json';
  void reply.code(type === GRAPHQL_RESPONSE ? 400 : 200).type(`${type}; charset=utf-8`);
  return JSON.stringify({ errors });
}
