/** The hooks of graphql-ws: authentication, the start of a subscription, and the errors that a client receives. */
import type { IncomingMessage } from 'node:http';
import { GraphQLError, type ExecutionArgs } from 'graphql';
import { makeServer, type Server, type SubscribePayload } from 'graphql-ws';
import { UnauthenticatedError } from '../../accounts/errors.ts';
import { GatewayError } from '../../errors.ts';
import { createContext, type Cores } from '../../resolvers/context.ts';
import { createJobReads } from '../../resolvers/job-reads.ts';
import { codesOf, nameOf } from '../request-notes.ts';
import { TooManySocketsError } from './close-reason.ts';
import { credentialsOf } from './credentials.ts';
import type { SocketOptions } from './socket-options.ts';
import type { SocketQuotas } from './socket-quotas.ts';
import type { SocketExtra } from './socket.ts';
import { createSubscriptionCheck } from './subscription-check.ts';

interface ProtocolParts {
  readonly quotas: SocketQuotas;
  /** Returns the key by which limits per address count. */
  addressOf(request: IncomingMessage): string;
}

export function createProtocol(options: SocketOptions, parts: ProtocolParts): Server<SocketExtra> {
  const { schema, cores, authenticate, maskError, log } = options;
  const { quotas, addressOf } = parts;
  const begin = createBegin(options, parts);
  return makeServer<Record<string, unknown>, SocketExtra>({
    schema,
    connectionInitWaitTimeout: options.initWaitMs,
    async onConnect(ctx) {
      const { authorization, accountId } = credentialsOf(ctx.connectionParams, ctx.extra.request.headers);
      const caller = await authenticate(authorization, accountId, addressOf(ctx.extra.request));
      // Closes the socket with 4403. Clients reconnect after it, with a new key if they have one.
      if (!caller || caller.kind === 'anonymous') throw await explainRefusal(cores, authorization);
      // The socket may have closed in the meantime; its place would then never be released.
      if (ctx.extra.isGone) return false;
      if (!quotas.admit(caller.keyId ?? caller.kind, ctx.extra)) throw new TooManySocketsError();
      ctx.extra.caller = caller;
      return true;
    },
    onSubscribe(ctx, id, payload) {
      // An internal error ends this subscription only, not the others of the socket.
      try {
        const begun = begin(ctx.extra, id, payload);
        // graphql-ws does not call `onError` for a refused subscription if the client's `complete` came right after its
        // subscribe message.
        if (Array.isArray(begun)) ctx.extra.running.delete(id);
        return begun;
      } catch (error) {
        ctx.extra.running.delete(id);
        return [new GraphQLError('The subscription could not be started.', { originalError: error as Error })];
      }
    },
    onNext(ctx, _id, payload, _args, result) {
      if (!result.errors) return undefined;
      const errors = result.errors.map((error) => maskError(error, 'BAD_USER_INPUT'));
      log.info(
        { ...accountOf(ctx.extra), operation: nameOf(payload.operationName), errors: codesOf(errors) },
        'subscription errors',
      );
      return { ...result, errors };
    },
    onError(ctx, id, payload, refused) {
      ctx.extra.running.delete(id);
      const errors = refused.map((error) => maskError(error));
      log.info(
        { ...accountOf(ctx.extra), operation: nameOf(payload.operationName), errors: codesOf(errors) },
        'subscription errors',
      );
      return errors;
    },
    onComplete: (ctx, id) => void ctx.extra.running.delete(id),
  });
}

/** Creates the function that counts and checks a subscription, and returns what to execute, or the errors. */
function createBegin(options: SocketOptions, { quotas, addressOf }: ProtocolParts) {
  const { schema, cores, log } = options;
  const check = createSubscriptionCheck(options);
  const reads = createJobReads(cores.jobs);

  return (extra: SocketExtra, id: string, payload: SubscribePayload): ExecutionArgs | readonly GraphQLError[] => {
    const { caller, running } = extra;
    running.add(id);
    if (running.size > options.maxSubscriptionsPerSocket) {
      return [tooManySubscriptions(`A socket can have at most ${options.maxSubscriptionsPerSocket} subscriptions.`)];
    }
    if (!quotas.hasRoom(caller!.keyId ?? caller!.kind)) {
      return [
        tooManySubscriptions(
          `The sockets of a key can have at most ${options.quotas.maxSubscriptionsPerKey} subscriptions in total.`,
        ),
      ];
    }
    // Some clients send "" instead of omitting the name.
    const operationName = payload.operationName || undefined;
    const checked = check(payload.query, operationName, payload.variables);
    if ('errors' in checked) return checked.errors;
    log.info(
      {
        ...accountOf(extra),
        operation: nameOf(checked.operation.name?.value),
        operationType: checked.operation.operation,
      },
      'subscription',
    );
    const contextValue = createContext(caller!, addressOf(extra.request), cores, reads);
    return { schema, document: checked.document, operationName, variableValues: payload.variables, contextValue };
  };
}

const tooManySubscriptions = (message: string): GraphQLError =>
  new GraphQLError(message, { extensions: { code: 'TOO_MANY_SUBSCRIPTIONS' } });

/** Returns the error for a `connection_init` whose credentials are missing or invalid. */
async function explainRefusal({ accounts }: Cores, authorization: unknown): Promise<GatewayError> {
  const why = await accounts.explainRefusal(authorization);
  if (why !== 'missing') return new UnauthenticatedError(why);
  return new GatewayError(
    'UNAUTHENTICATED',
    'authorization is missing in connection_init; send {"authorization":"Bearer <key>"}.',
  );
}

/** Returns the log fields of the caller. */
const accountOf = ({ caller }: SocketExtra): object =>
  caller?.accountId == null ? {} : { accountId: caller.accountId };
