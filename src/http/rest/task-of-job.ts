/** Converts a job to a task record of the vendor's contract. Pure functions. */
import { isTerminal, type Job } from '../../jobs/model/job.ts';
import type { SentRequest } from '../../jobs/ports/rejoin.ts';
import { errorStatuses } from '../../upstream/acedata/wire/envelopes.ts';
import { asObject, readJson, type JsonObject } from '../../upstream/acedata/wire/json.ts';
import { encodeFailure, encodeSuccess } from '../../upstream/acedata/wire/result.ts';
import { encodeSubmitBody } from '../../upstream/acedata/wire/submit-body.ts';
import type { Task } from '../../upstream/acedata/wire/task-record.ts';
import { failureTellings } from './failure-codes.ts';

export interface JobEnd {
  readonly httpStatus: number;
  /** The flat result. */
  readonly body: JsonObject;
}

/** Returns the end of a job as the response to a synchronous submit; null if the job has not ended. */
export function endOf(job: Job, traceId: string): JobEnd | null {
  const task = { taskId: job.id, traceId };
  if (job.state === 'SUCCEEDED' && job.video) {
    const { id, url, durationSeconds } = job.video;
    return { httpStatus: 200, body: encodeSuccess(task, { videoId: id, videoUrl: url, durationSeconds }) };
  }
  if (!isTerminal(job.state)) return null;
  const { code } = failureTellings[job.failure?.code ?? 'CANCELED'];
  return {
    httpStatus: errorStatuses[code],
    body: encodeFailure(task, code, job.failure?.message ?? 'The job was canceled.'),
  };
}

/**
 * Returns the record of a job. For a job that was not accepted over REST, the request is derived from its fields, and
 * its id serves as the trace id.
 */
export function toTask(job: Job, sent: SentRequest | null): Task {
  const traceId = sent?.traceId ?? job.id;
  return {
    taskId: job.id,
    traceId,
    request:
      (sent && asObject(readJson(sent.body))) ?? encodeSubmitBody({ ...job.input, callbackUrl: null, async: false }),
    response: endOf(job, traceId)?.body ?? null,
    createdAt: job.createdAt,
    startedAt: job.submittedAt,
    finishedAt: isTerminal(job.state) ? job.completedAt : null,
  };
}
