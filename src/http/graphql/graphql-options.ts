/** The options of GraphQL over HTTP, which GraphQL over WebSocket shares. */
import type { GraphQLSchema, ValidationRule } from 'graphql';
import type { Authenticate } from '../../accounts/authenticate.ts';
import type { Log } from '../../log.ts';
import type { Cores } from '../../resolvers/context.ts';
import type { Admission } from '../overload/admission.ts';
import type { MaskError } from './mask-errors.ts';
import type { OperationCheck } from './operation-limits.ts';
import type { ValueCheck } from './operation-values.ts';

export interface GraphQLOptions {
  readonly path: string;
  readonly schema: GraphQLSchema;
  readonly cores: Cores;
  readonly authenticate: Authenticate;
  /** The document check that both transports share, and its rules. */
  readonly checkDocument: OperationCheck;
  readonly rules: readonly ValidationRule[];
  /** Checks operations that have passed validation. */
  readonly checkValues: ValueCheck;
  readonly maxTokens: number;
  /** The maximum duration of an operation over HTTP. */
  readonly operationTimeoutMs: number;
  readonly maskError: MaskError;
  readonly admission: Admission;
  readonly log: Log;
  /** True if the playground is served: browsers that open the path as a page are redirected to it. */
  readonly playground: boolean;
}
