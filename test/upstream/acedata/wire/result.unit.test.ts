/** Results of tasks, as a callback or a synchronous answer contains them. */
import { describe, expect, test } from 'vitest';
import { decide, decideResult, encodeFailure, encodeSuccess } from '../../../../src/upstream/acedata/wire/result.ts';

const URL_A = 'https://a.com/a.mp4';

describe('a flat result', () => {
  const task = { taskId: 't', traceId: 'trace' };
  test('is encoded with the duration as text if it is known', () => {
    const success = {
      success: true,
      video_id: 'v',
      video_url: URL_A,
      state: 'succeed',
      task_id: 't',
      trace_id: 'trace',
    };
    expect(encodeSuccess(task, { videoId: 'v', videoUrl: URL_A, durationSeconds: 5.066 })).toEqual({
      ...success,
      duration: '5.066',
    });
    expect(encodeSuccess(task, { videoId: 'v', videoUrl: URL_A, durationSeconds: null })).toEqual(success);
    expect(encodeFailure(task, 'api_error', 'no')).toEqual({
      success: false,
      task_id: 't',
      trace_id: 'trace',
      error: { code: 'api_error', message: 'no' },
    });
  });

  const claimed = { task_id: 't', trace_id: 'trace' };
  const good = { kind: 'succeeded', videoId: 'v', videoUrl: URL_A, durationSeconds: 5 };
  test.each<[string, object, object, string | null]>([
    ['a success', { ...claimed, state: 'succeed', video_id: 'v', video_url: URL_A, duration: '5' }, good, null],
    [
      'a success without a video id',
      { ...claimed, state: 'succeed', video_url: URL_A },
      { ...good, videoId: 't', durationSeconds: null },
      null,
    ],
    [
      'a success without any id',
      { state: 'succeed', video_url: URL_A },
      { ...good, videoId: '', durationSeconds: null },
      'no task_id',
    ],
    ['a success without a URL', { ...claimed, state: 'succeed' }, { kind: 'missing' }, 'success without a URL'],
    [
      'a success state with success false',
      { ...claimed, state: 'succeed', success: false, video_id: 'v', video_url: URL_A, duration: 5 },
      good,
      'success and failure at once',
    ],
    [
      'a success state with an error without a code',
      { ...claimed, state: 'succeed', error: 'odd', video_id: 'v', video_url: URL_A, duration: 5 },
      good,
      'success and failure at once',
    ],
    [
      'a failure',
      { ...claimed, state: 'failed' },
      { kind: 'failed', code: null, message: 'The upstream gave no reason.', traceId: 'trace' },
      null,
    ],
    [
      'a failure state with success true',
      { ...claimed, state: 'failed', success: true },
      { kind: 'failed', code: null, message: 'The upstream gave no reason.', traceId: 'trace' },
      'success and failure at once',
    ],
    [
      'an error with a code',
      { ...claimed, error: { code: 'c', message: 'm', trace_id: 'inner' } },
      { kind: 'failed', code: 'c', message: 'm', traceId: 'trace' },
      null,
    ],
    [
      'an error with a code and a success state',
      { ...claimed, state: 'succeed', video_url: URL_A, error: { code: 'c' } },
      { kind: 'failed', code: 'c', message: 'c', traceId: 'trace' },
      'success and failure at once',
    ],
    [
      'an error with a code and success true',
      { ...claimed, success: true, error: { code: 'c' } },
      { kind: 'failed', code: 'c', message: 'c', traceId: 'trace' },
      'success and failure at once',
    ],
    ['an error without a code', { ...claimed, error: 'm' }, { kind: 'running' }, 'an error without a code'],
    ['a state that is not final', { ...claimed, state: 'processing' }, { kind: 'running' }, 'no final word'],
    ['no fields', {}, { kind: 'running' }, 'no final word'],
  ])('with %s is classified', (_name, body, outcome, odd) => {
    const taskId = 'task_id' in body ? 't' : null;
    expect(decideResult(body)).toEqual({ taskId, traceId: taskId && 'trace', outcome, odd });
  });

  test('that is not an object is unreadable', () => {
    for (const value of [null, undefined, [], 'a', 7])
      expect(decideResult(value)).toEqual({ taskId: null, traceId: null, outcome: null, odd: 'unreadable' });
  });

  test('of a finished record is classified by its state before its success flag', () => {
    const of = (body: object, finished = true) => decide(body as Record<string, unknown>, { taskId: 't', finished });
    // The upstream's success state outweighs `success: false`: the URL exists, and the task is paid for.
    expect(of({ state: 'succeed', success: false, video_url: URL_A })).toEqual({
      outcome: { kind: 'succeeded', videoId: 't', videoUrl: URL_A, durationSeconds: null },
      odd: 'success and failure at once',
    });
    expect(of({ success: true, video_url: URL_A })).toEqual({
      outcome: { kind: 'succeeded', videoId: 't', videoUrl: URL_A, durationSeconds: null },
      odd: null,
    });
    expect(of({ success: false })).toMatchObject({ outcome: { kind: 'failed' }, odd: null });
    expect(of({ success: false }, false)).toMatchObject({ outcome: { kind: 'running' } });
    expect(of({ success: 'yes' })).toMatchObject({ outcome: { kind: 'running' } });
  });
});
