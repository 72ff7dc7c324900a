/** The options of GraphQL over WebSocket: those of HTTP, and the limits and checks of sockets. */
import type { Caller } from '../../accounts/caller.ts';
import type { WhyRefused } from '../../accounts/errors.ts';
import type { GraphQLOptions } from '../graphql/graphql-options.ts';
import type { HostCheck } from '../host-check.ts';
import type { OriginCheck } from '../origin-check.ts';
import type { LogRefusal } from '../refusal-log.ts';
import type { SocketQuotaLimits } from './socket-quotas.ts';
import type { SocketLimits } from './peer-limits.ts';

export interface SocketOptions extends GraphQLOptions, SocketLimits {
  readonly maxMessageBytes: number;
  readonly maxSubscriptionsPerSocket: number;
  readonly initWaitMs: number;
  readonly quotas: SocketQuotaLimits;
  readonly trustProxy: string | null;
  readonly isOurHost: HostCheck;
  readonly origins: OriginCheck;
  readonly logRefusal: LogRefusal;
  /** Interval between checks that the callers of open sockets are still authorized. */
  readonly recheckMs: number;
  findEnded(callers: readonly Caller[]): Promise<ReadonlyMap<Caller, WhyRefused>>;
  /** Time over which `stop` closes the open sockets, regardless of their number. */
  readonly stopSpreadMs: number;
}
