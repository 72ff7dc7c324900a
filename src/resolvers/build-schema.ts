/** Builds the executable schema. */
import 'reflect-metadata';
import type { GraphQLSchema } from 'graphql';
import { buildSchema, type PubSub } from 'type-graphql';
import {
  CancelRefused,
  DeleteRefused,
  IdempotencyKeyReused,
  InvalidInput,
  JobDeleted,
  QuotaExhausted,
} from '../schema/user-error.type.ts';
import { AccountResolver } from './account.resolver.ts';
import { AdministrationResolver } from './administration.resolver.ts';
import { JobsUpdatedResolver } from './jobs-updated.resolver.ts';
import { MotionJobFieldsResolver } from './motion-job-fields.resolver.ts';
import { MotionJobResolver } from './motion-job.resolver.ts';
import { NodeResolver } from './node.resolver.ts';
import { WebhookResolver } from './webhook.resolver.ts';

/** type-graphql requires a PubSub as soon as a subscription exists, although these subscriptions do not use it. */
const inertPubSub: PubSub = {
  publish: () => undefined,
  subscribe: () => {
    throw new Error('a subscription has its own source');
  },
};

export function buildGatewaySchema(): Promise<GraphQLSchema> {
  return buildSchema({
    resolvers: [
      AccountResolver,
      AdministrationResolver,
      MotionJobResolver,
      MotionJobFieldsResolver,
      JobsUpdatedResolver,
      NodeResolver,
      WebhookResolver,
    ],
    orphanedTypes: [InvalidInput, IdempotencyKeyReused, JobDeleted, CancelRefused, DeleteRefused, QuotaExhausted],
    pubSub: inertPubSub,
    validate: false,
  });
}
