import { describe, expect, test } from 'vitest';
import { ForbiddenError, RateLimitedError, UnauthenticatedError } from '../../../src/accounts/errors.ts';
import { describe as describeViolation, hashBody, toMotionRequest } from '../../../src/http/rest/motion-request.ts';
import { toRefusal } from '../../../src/http/rest/refusals.ts';
import { endOf, toTask } from '../../../src/http/rest/task-of-job.ts';
import { JobNotFoundError } from '../../../src/jobs/model/errors.ts';
import type { Failure, FailureCode, Job } from '../../../src/jobs/model/job.ts';
import type { SubmitBody } from '../../../src/upstream/acedata/wire/submit-body.ts';
import { submittingJob } from '../../support/life.ts';
import { OverloadedError } from '../../../src/http/overload/overloaded-error.ts';
import { InvalidArgumentError, UnavailableError } from '../../../src/errors.ts';

const body: SubmitBody = {
  image_url: 'https://a.com/a.png',
  video_url: 'https://a.com/a.mp4',
  character_orientation: 'image',
  mode: 'std',
};

describe('the body of a submit', () => {
  test('is converted to the request of a job with a flat webhook', () => {
    expect(
      toMotionRequest(
        {
          ...body,
          callback_url: 'https://b.com/cb',
          prompt: 'p',
          model_name: 'm',
          keep_original_sound: 'no',
          watermark_info: { enabled: true },
        },
        'key',
      ),
    ).toEqual({
      imageUrl: 'https://a.com/a.png',
      videoUrl: 'https://a.com/a.mp4',
      characterOrientation: 'IMAGE',
      mode: 'STD',
      prompt: 'p',
      model: 'm',
      keepOriginalSound: false,
      watermark: true,
      idempotencyKey: 'key',
      webhookUrl: 'https://b.com/cb',
      webhookFormat: 'FLAT',
    });
  });

  test('has the same hash as another one if and only if both request the same', () => {
    const hash = hashBody(body);
    expect(hash).toMatch(/^v1:[\w-]{43}$/);
    expect(
      hashBody({
        mode: 'std',
        keep_original_sound: 'yes',
        watermark_info: { enabled: false },
        async: false,
        character_orientation: 'image',
        video_url: body.video_url,
        image_url: body.image_url,
      }),
    ).toBe(hash);
    const others: Partial<SubmitBody>[] = [
      { image_url: 'https://a.com/b.png' },
      { video_url: 'https://a.com/b.mp4' },
      { character_orientation: 'video' },
      { mode: 'pro' },
      { prompt: 'p' },
      { model_name: 'm' },
      { keep_original_sound: 'no' },
      { watermark_info: { enabled: true } },
      { callback_url: 'https://b.com' },
      { async: true },
    ];
    expect(new Set([hash, ...others.map((other) => hashBody({ ...body, ...other }))]).size).toBe(11);
  });

  test('has its violations reported with the field names of the contract', () => {
    const told = (name: string) => describeViolation({ code: 'TOO_LONG', message: 'too long', field: ['input', name] });
    expect(['imageUrl', 'videoUrl', 'model', 'webhookUrl', 'idempotencyKey', 'prompt'].map(told)).toEqual([
      'image_url: too long',
      'video_url: too long',
      'model_name: too long',
      'callback_url: too long',
      'Idempotency-Key: too long',
      'prompt: too long',
    ]);
    expect(describeViolation({ code: 'TOO_LONG', message: 'too long', field: ['input'] })).toBe(': too long');
  });
});

describe('an error of the core', () => {
  test.each([
    [new ForbiddenError('no'), 'forbidden', 'no', undefined],
    [new RateLimitedError('slow', 7), 'too_many_requests', 'slow', 7],
    [new InvalidArgumentError('bad'), 'bad_request', 'bad', undefined],
    [
      new OverloadedError('QUEUE', 3),
      'too_many_requests',
      'The gateway is overloaded. Nothing was executed; repeat the request in 3 s.',
      3,
    ],
    [new JobNotFoundError(), 'bad_request', 'There is no such job.', undefined],
  ] as const)('%s is reported with the code %s', (error, code, message, retryAfterSeconds) => {
    const warned: object[] = [];
    const log = { info: () => undefined, warn: (fields: object) => void warned.push(fields), error: () => undefined };
    expect(toRefusal(error, log)).toMatchObject({ name: 'Refusal', code, message, retryAfterSeconds });
    expect(warned).toEqual([]);
  });

  test('about an unavailable store is logged and reported with a retry time', () => {
    const warned: unknown[][] = [];
    const log = { info: () => undefined, warn: (...args: unknown[]) => void warned.push(args), error: () => undefined };
    const cause = new Error('away');
    expect(toRefusal(new UnavailableError(cause), log)).toMatchObject({ code: 'api_error', retryAfterSeconds: 5 });
    expect(warned).toEqual([[{ err: cause }, expect.any(String)]]);
    const unknown = new Error('a bug');
    expect(toRefusal(unknown, log)).toBe(unknown);
    expect(toRefusal(new UnauthenticatedError(), log)).toMatchObject({ name: 'Refusal' });
  });
});

describe('a job as a task', () => {
  const job = submittingJob();
  const failure = (code: FailureCode): Failure => ({
    code,
    message: 'why',
    upstreamCode: null,
    upstreamTraceId: null,
    charge: 'NOT_CHARGED',
  });
  const video = { id: 'v', url: 'https://a.com/v.mp4', durationSeconds: 5, urlExpiresAt: null };
  const failed = (code: FailureCode): Job => ({ ...job, state: 'FAILED', failure: failure(code) });

  test('has a final answer only after it has ended', () => {
    for (const state of ['QUEUED', 'SUBMITTING', 'UNCONFIRMED', 'PROCESSING'] as const)
      expect(endOf({ ...job, state }, 't')).toBeNull();
    expect(endOf({ ...job, state: 'SUCCEEDED', video }, 't')).toEqual({
      httpStatus: 200,
      body: {
        success: true,
        video_id: 'v',
        video_url: 'https://a.com/v.mp4',
        duration: '5',
        state: 'succeed',
        task_id: job.id,
        trace_id: 't',
      },
    });
  });

  test.each<[FailureCode, string, number]>([
    ['CONTENT_REJECTED', 'forbidden', 403],
    ['INVALID_MEDIA', 'bad_request', 400],
    ['UPSTREAM_REJECTED', 'bad_request', 400],
    ['UPSTREAM_FAILED', 'api_error', 500],
    ['UPSTREAM_LOST', 'api_error', 500],
    ['UPSTREAM_CHANGED', 'api_error', 500],
    ['MISSING_RESULT', 'api_error', 500],
    ['SUBMIT_OUTCOME_UNKNOWN', 'timeout', 504],
    ['TIMED_OUT', 'timeout', 504],
    ['QUEUE_EXPIRED', 'timeout', 504],
  ])('that failed with %s is reported as %s', (code, wire, httpStatus) => {
    expect(endOf(failed(code), 't')).toEqual({
      httpStatus,
      body: { success: false, task_id: job.id, trace_id: 't', error: { code: wire, message: 'why' } },
    });
  });

  test('that was canceled is reported as a bad request', () => {
    expect(endOf({ ...job, state: 'CANCELED' }, 't')).toEqual({
      httpStatus: 400,
      body: {
        success: false,
        task_id: job.id,
        trace_id: 't',
        error: { code: 'bad_request', message: 'The job was canceled.' },
      },
    });
  });

  test('has the request as sent, or one built from its fields, and the known times', () => {
    const [submittedAt, completedAt] = [new Date(2_000), new Date(3_000)];
    const made = {
      image_url: 'https://a.com/a.png',
      video_url: 'https://a.com/a.mp4',
      character_orientation: 'image',
      mode: 'std',
      keep_original_sound: 'yes',
    };
    const task = {
      taskId: job.id,
      traceId: job.id,
      request: made,
      response: null,
      createdAt: job.createdAt,
      startedAt: null,
      finishedAt: null,
    };
    expect(toTask(job, null)).toEqual(task);
    expect(toTask({ ...job, submittedAt, completedAt }, { traceId: 't', body: '{"prompt":"p"}' })).toEqual({
      ...task,
      traceId: 't',
      request: { prompt: 'p' },
      startedAt: submittedAt,
    });
    expect(toTask(job, { traceId: 't', body: 'not JSON' })).toMatchObject({ traceId: 't', request: made });
    const ended = { ...failed('TIMED_OUT'), completedAt };
    expect(toTask(ended, null)).toMatchObject({
      finishedAt: completedAt,
      response: { success: false, trace_id: job.id },
    });
  });
});
