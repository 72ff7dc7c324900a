/**
 * A job as the API shows it, as plain data and without the fields that are computed on read. For output outside
 * GraphQL, with the same field names.
 */
import { isFinalFailure, isTerminal, isWorthRetrying, type Job } from '../model/job.ts';

export type JobView = Readonly<Record<string, unknown>>;

export function viewOf(job: Job): JobView {
  const {
    id,
    version,
    state,
    sandbox,
    input,
    labels,
    webhook,
    idempotencyKey,
    taskId,
    video,
    failure,
    settledBy,
    createdAt,
    submittedAt,
    completedAt,
    updatedAt,
  } = job;
  return {
    id,
    version,
    state,
    isTerminal: isTerminal(state),
    sandbox,
    ...input,
    labels,
    webhookUrl: webhook?.url ?? null,
    idempotencyKey,
    taskId,
    video,
    failure: failure && {
      ...failure,
      worthRetrying: isWorthRetrying(failure.code),
      final: isFinalFailure(failure.code),
    },
    settledBy,
    createdAt,
    submittedAt,
    completedAt,
    updatedAt,
  };
}
