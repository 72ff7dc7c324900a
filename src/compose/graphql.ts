/** GraphQL over HTTP and WebSocket: both share one schema, one set of operation limits and one error masker. */
import type { FastifyInstance } from 'fastify';
import type { Admission } from '../http/overload/admission.ts';
import { registerGraphQL } from '../http/graphql/graphql-http.ts';
import { startSockets } from '../http/websocket/graphql-ws.ts';
import type { HostCheck } from '../http/host-check.ts';
import { createMaskError } from '../http/graphql/mask-errors.ts';
import type { OriginCheck } from '../http/origin-check.ts';
import type { LogRefusal } from '../http/refusal-log.ts';
import { createOperationCheck, createOperationRules } from '../http/graphql/operation-limits.ts';
import { createValueCheck } from '../http/graphql/operation-values.ts';
import { buildGatewaySchema } from '../resolvers/build-schema.ts';
import type { Cores } from '../resolvers/context.ts';
import type { Setup } from './lifecycle.ts';

export const GRAPHQL_PATH = '/graphql';

/** Checks that apply equally to HTTP requests and WebSocket handshakes, and the log of their refusals. */
export interface Edges {
  readonly isOurHost: HostCheck;
  readonly origins: OriginCheck;
  readonly logRefusal: LogRefusal;
}

interface Parts {
  readonly cores: Cores;
  readonly admission: Admission;
  readonly edges: Edges;
}

export async function registerBothTransports(
  { config, log }: Setup,
  app: FastifyInstance,
  { cores, admission, edges }: Parts,
) {
  const schema = await buildGatewaySchema();
  const limits = {
    maxDepth: config.MAX_DEPTH,
    maxAliases: config.MAX_ALIASES,
    maxDirectives: config.MAX_DIRECTIVES,
    maxFieldRepeats: config.MAX_FIELD_REPEATS,
    maxCost: config.MAX_COST,
    maxSubscriptionCost: config.MAX_SUBSCRIPTION_COST,
  };
  const rules = createOperationRules(limits, config.INTROSPECTION);
  const shared = {
    path: GRAPHQL_PATH,
    schema,
    cores,
    authenticate: cores.accounts.authenticate,
    checkDocument: createOperationCheck(schema, rules, config.MAX_TOKENS),
    rules,
    checkValues: createValueCheck(schema, limits),
    maxTokens: config.MAX_TOKENS,
    operationTimeoutMs: 1_000 * config.OPERATION_TIMEOUT_SECONDS,
    maskError: createMaskError(log, config.INTROSPECTION),
    admission,
    log,
    playground: config.PLAYGROUND,
  };
  await registerGraphQL(app, shared);
  return startSockets(app.server, {
    ...shared,
    maxMessageBytes: config.MAX_BODY_BYTES,
    maxSubscriptionsPerSocket: config.MAX_SUBSCRIPTIONS_PER_SOCKET,
    initWaitMs: 1_000 * config.SOCKET_INIT_SECONDS,
    recheckMs: 1_000 * config.SOCKET_RECHECK_SECONDS,
    findEnded: cores.accounts.findEnded,
    pingMs: 1_000 * config.SOCKET_PING_SECONDS,
    maxBufferedBytes: config.MAX_BUFFERED_BYTES,
    maxUnsentMs: 1_000 * config.MAX_UNSENT_SECONDS,
    messagesPerSecond: config.SOCKET_MESSAGES_PER_SECOND,
    stopSpreadMs: 1_000 * config.SOCKET_STOP_SECONDS,
    quotas: {
      maxPerAddress: config.MAX_SOCKETS_PER_ADDRESS,
      maxPerKey: config.MAX_SOCKETS_PER_KEY,
      maxSubscriptionsPerKey: config.MAX_SUBSCRIPTIONS_PER_KEY,
    },
    trustProxy: config.TRUST_PROXY,
    ...edges,
  });
}
