/** Records of tasks: their outcome, their times, and their encoding. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { encodeTaskList } from '../../../../src/upstream/acedata/wire/look-up.ts';
import {
  decodeSubmitBody,
  encodeSubmitBody,
  type SubmitBody,
} from '../../../../src/upstream/acedata/wire/submit-body.ts';
import { decodeTaskRecord, encodeTaskRecord } from '../../../../src/upstream/acedata/wire/task-record.ts';
import { failed, failure, seed, succeeded, success, TASK_ID, URL_A } from '../../../fixtures/wire.ts';

describe('a task record', () => {
  const record = (response: unknown, more: object = {}) => ({
    id: TASK_ID,
    type: 'motion',
    trace_id: 'trace-1',
    job_id: 'j',
    request: { video_url: 'https://input.example.com/in.mp4', callback_url: 'https://a.com/cb' },
    response,
    created_at: 1_756_000_000.25,
    started_at: '1756000000.5',
    ...more,
  });
  const done = { finished_at: 1_756_000_100.75, elapsed: 100.5 };
  const withoutState = { ...success, state: undefined };

  test.each<[string, object, object]>([
    ...['succeed', 'succeeded', 'success', 'completed', 'SUCCEED'].map((state): [string, object, object] => [
      `the state ${state}`,
      record({ ...success, state }),
      succeeded,
    ]),
    ...['failed', 'fail', 'failure', 'error', 'FAILED'].map((state): [string, object, object] => [
      `the state ${state}`,
      record({ state }),
      { kind: 'failed', code: null, traceId: 'trace-1' },
    ]),
    ['a failure state with a URL', record({ ...success, state: 'failed' }), { kind: 'failed' }],
    ['a structured error', record(failure), failed],
    ['a structured error with a success state', record({ ...success, error: failure.error }), { ...failed }],
    ['a success state without a URL', record({ state: 'succeed', success: true }, done), { kind: 'missing' }],
    ['an error without a code, not finished', record({ success: false, error: 'retrying' }), { kind: 'running' }],
    [
      'an error without a code, finished',
      record({ success: false, error: 'gave up' }, done),
      { kind: 'failed', code: null, message: 'gave up' },
    ],
    ['finished with success', record(withoutState, done), succeeded],
    ['finished without success', record({ success: false }, done), { kind: 'failed' }],
    ['finished with success and no URL', record({ success: true }, done), { kind: 'missing' }],
    ['finished without a state', record({ video_url: URL_A }, done), { kind: 'running' }],
    ['success with a URL, not finished', record(withoutState), succeeded],
    ['success with a URL and another state', record({ ...success, state: 'processing' }), { kind: 'running' }],
    ['success with an invalid URL', record({ ...withoutState, video_url: 'soon' }), { kind: 'running' }],
    ['a success state with success false, finished', record({ ...success, success: false }, done), succeeded],
    ['a success state with success false, not finished', record({ ...success, success: false }), succeeded],
    [
      'a success state with success false and no URL, finished',
      record({ state: 'succeed', success: false }, done),
      { kind: 'missing' },
    ],
    ...[0, '0', 0.0, -1, null, 'soon'].map((finished_at): [string, object, object] => [
      `success false and finished at ${JSON.stringify(finished_at)}`,
      record({ success: false }, { finished_at }),
      { kind: 'running' },
    ]),
    ...[undefined, {}, null, '', { state: 'processing' }, { state: 'processing', success: true }].map(
      (response): [string, object, object] => [
        `${JSON.stringify(response)} as response`,
        record(response),
        { kind: 'running' },
      ],
    ),
  ])('gets its outcome from %s', (_name, value, outcome) => {
    expect(decodeTaskRecord(value)?.outcome).toMatchObject(outcome);
  });

  test('has the callback URL of its request, and times converted from seconds', () => {
    expect(decodeTaskRecord(record(success, done))).toMatchObject({
      callbackUrl: 'https://a.com/cb',
      createdAt: new Date(1_756_000_000_250),
      startedAt: new Date(1_756_000_000_500),
      finishedAt: new Date(1_756_000_100_750),
    });
  });

  test('is unchanged after it is encoded and decoded', () => {
    const date = fc.date({ min: new Date(1), max: new Date('2100-01-01'), noInvalidDate: true });
    const response = fc.constantFrom([null, { kind: 'running' }], [success, succeeded], [failure, failed]);
    fc.assert(
      fc.property(
        fc.uuid(),
        response,
        date,
        fc.option(date),
        fc.option(date),
        (taskId, [given, outcome], createdAt, startedAt, finishedAt) => {
          const request = encodeSubmitBody({
            ...decodeSubmitBody(JSON.parse(seed('submit-body')) as SubmitBody),
            callbackUrl: URL_A,
          });
          const decoded = decodeTaskRecord(
            JSON.parse(
              JSON.stringify(
                encodeTaskRecord({
                  taskId,
                  traceId: 'trace-1',
                  request,
                  response: given,
                  createdAt,
                  startedAt,
                  finishedAt,
                }),
              ),
            ),
          );
          expect(decoded).toEqual({
            taskId,
            traceId: 'trace-1',
            callbackUrl: URL_A,
            outcome,
            createdAt,
            startedAt,
            finishedAt,
          });
        },
      ),
    );
  });
});

describe('a task record on the wire', () => {
  const [createdAt, startedAt, finishedAt] = [new Date(1_000), new Date(2_500), new Date(10_000)];
  const task = {
    taskId: 't',
    traceId: 'trace',
    request: { prompt: 'p' },
    response: null,
    createdAt,
    startedAt: null,
    finishedAt: null,
  };
  const record = {
    id: 't',
    type: 'motion',
    trace_id: 'trace',
    job_id: 't',
    request: { prompt: 'p' },
    response: {},
    created_at: 1,
  };

  test('has the known times, and the time elapsed since its start or else its creation', () => {
    expect(encodeTaskRecord(task)).toEqual(record);
    expect(encodeTaskRecord({ ...task, startedAt, response: { a: 1 } })).toEqual({
      ...record,
      started_at: 2.5,
      response: { a: 1 },
    });
    expect(encodeTaskRecord({ ...task, startedAt, finishedAt })).toEqual({
      ...record,
      started_at: 2.5,
      finished_at: 10,
      elapsed: 7.5,
    });
    expect(encodeTaskRecord({ ...task, finishedAt })).toEqual({ ...record, finished_at: 10, elapsed: 9 });
    expect(encodeTaskList([task])).toEqual({ items: [record], count: 1 });
  });

  test.each([0, '0', null, '', -1, 'x', 1e300])('with finished_at %j is still running', (finished_at) => {
    expect(decodeTaskRecord({ id: 't', response: { success: false }, finished_at })).toMatchObject({
      outcome: { kind: 'running' },
      finishedAt: null,
    });
  });

  test('without an id decodes to null', () => {
    for (const value of [null, [], 'a', {}, { id: '' }, { id: null }]) expect(decodeTaskRecord(value)).toBeNull();
    expect(decodeTaskRecord({ id: 7 })).toEqual({
      taskId: '7',
      traceId: null,
      callbackUrl: null,
      outcome: { kind: 'running' },
      createdAt: null,
      startedAt: null,
      finishedAt: null,
    });
  });

  test('of a failure has the trace id of its response, or else its own', () => {
    expect(decodeTaskRecord({ id: 't', trace_id: 'own', response: { state: 'failed' } })).toMatchObject({
      outcome: { traceId: 'own' },
    });
    expect(
      decodeTaskRecord({ id: 't', trace_id: 'own', response: { state: 'failed', trace_id: 'inner' } }),
    ).toMatchObject({ outcome: { traceId: 'inner' } });
  });
});
