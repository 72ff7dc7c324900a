/** The error of requests that are refused because of overload. */
import { GatewayError } from '../../errors.ts';
import type { Overload } from './load.ts';

export type Kind = 'submit' | 'read' | 'handshake';

export type Reason = Overload | 'QUEUE' | 'WAIT';

/** Signals that a request was refused because of overload. No part of the request was executed. */
export class OverloadedError extends GatewayError {
  override readonly name = 'OverloadedError';

  constructor(
    readonly reason: Reason,
    retryAfterSeconds: number,
  ) {
    // A refusal needs no stack trace: capturing stacks took 4 % of the CPU time at 3,000 requests per second.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    const message = `The gateway is overloaded. Nothing was executed; repeat the request in ${retryAfterSeconds} s.`;
    super('SERVICE_UNAVAILABLE', message, { retryAfterSeconds });
    Error.stackTraceLimit = stackTraceLimit;
  }
}
