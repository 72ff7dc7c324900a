/** Converts between rows of `jobs` and `Job`. */
import { is, placeholder, SQL, sql, type Placeholder } from 'drizzle-orm';
import type { Job } from '../../jobs/model/job.ts';
import type { JobPatch, NewJob } from '../../jobs/ports/job-writer.ts';
import { inMs } from '../sql/durations.ts';
import { jobs } from '../tables/jobs.ts';

export type JobRow = typeof jobs.$inferSelect;

export function toJob(row: JobRow): Job {
  return {
    id: row.id,
    accountId: row.accountId,
    version: row.version,
    state: row.state,
    rank: row.rank,
    attempt: row.attempt,
    leaseToken: row.leaseToken,
    tag: row.tag,
    upstreamId: row.upstreamId,
    sandbox: row.sandbox,
    input: {
      imageUrl: row.imageUrl,
      videoUrl: row.videoUrl,
      prompt: row.prompt,
      mode: row.mode,
      model: row.model,
      characterOrientation: row.characterOrientation,
      keepOriginalSound: row.keepOriginalSound,
      watermark: row.watermark,
    },
    labels: row.labels,
    webhook: row.webhookUrl === null ? null : { url: row.webhookUrl, format: row.webhookFormat ?? 'STANDARD' },
    idempotencyKey: row.idempotencyKey,
    inputHash: row.inputHash,
    taskId: row.taskId,
    video:
      row.resultUrl === null
        ? null
        : {
            id: row.videoId ?? row.taskId ?? row.id,
            url: row.resultUrl,
            durationSeconds: row.durationSeconds,
            urlExpiresAt: row.urlExpiresAt,
          },
    failure:
      row.failureCode === null
        ? null
        : {
            code: row.failureCode,
            message: row.failureMessage ?? '',
            upstreamCode: row.upstreamCode,
            upstreamTraceId: row.upstreamTraceId,
            charge: row.charge ?? 'POSSIBLY_CHARGED',
          },
    settledBy: row.settledBy,
    suspicions: row.suspicions,
    cancelRequestedAt: row.cancelRequestedAt,
    createdAt: row.createdAt,
    attemptedAt: row.attemptedAt,
    submittedAt: row.submittedAt,
    completedAt: row.completedAt,
    updatedAt: row.updatedAt,
  };
}

export function toRow(job: NewJob): typeof jobs.$inferInsert {
  const { input, webhook, ...rest } = job;
  return { ...rest, ...input, webhookUrl: webhook?.url ?? null, webhookFormat: webhook?.format ?? null };
}

/**
 * The assignments that a patch writes. `set` has placeholders where patches of the same form differ, and `values` has
 * the values of these placeholders.
 */
export interface Assignments {
  readonly form: string;
  readonly set: Readonly<Record<string, SQL | Placeholder | null>>;
  readonly values: Readonly<Record<string, unknown>>;
}

export function toAssignments(patch: JobPatch): Assignments {
  const { video, failure, begins } = patch;
  const columns: Record<string, unknown> = {
    ...(patch.taskId !== undefined && { taskId: patch.taskId }),
    ...(video !== undefined && {
      videoId: video?.id ?? null,
      resultUrl: video?.url ?? null,
      durationSeconds: video?.durationSeconds ?? null,
      urlExpiresAt: video?.urlExpiresAt ?? null,
    }),
    ...(failure !== undefined && {
      failureCode: failure?.code ?? null,
      failureMessage: failure?.message ?? null,
      upstreamCode: failure?.upstreamCode ?? null,
      upstreamTraceId: failure?.upstreamTraceId ?? null,
      charge: failure?.charge ?? null,
    }),
    ...(patch.settledBy !== undefined && { settledBy: patch.settledBy }),
    ...(begins && {
      attempt: begins.attempt,
      attemptedAt: sql`now()`,
      leaseToken: begins.leaseToken,
      leaseExpiresAt: inMs(placeholder('leaseMs')),
    }),
    ...(patch.submitted && { submittedAt: sql`coalesce(${jobs.submittedAt}, now())` }),
    ...(patch.completed && { completedAt: sql`now()` }),
    ...(patch.suspected && { suspicions: sql`${jobs.suspicions} + 1` }),
    ...(patch.cancelRequested && { cancelRequestedAt: sql`coalesce(${jobs.cancelRequestedAt}, now())` }),
    ...(patch.nextPollAt !== undefined && { nextPollAt: patch.nextPollAt }),
  };
  const set: Record<string, SQL | Placeholder | null> = {};
  const values: Record<string, unknown> = begins ? { leaseMs: begins.leaseMs } : {};
  for (const [name, value] of Object.entries(columns)) {
    if (value === null || is(value, SQL)) set[name] = value;
    else {
      set[name] = placeholder(name);
      values[name] = value;
    }
  }
  // A column is set to its one expression, to null, or to a value. Its name and whether it is null identify the form.
  const form = Object.entries(set)
    .map(([name, value]) => (value === null ? `${name}=null` : name))
    .join();
  return { form, set, values };
}
