/** Look-ups on the wire: the requests, and every shape of the answers. */
import { describe, expect, test } from 'vitest';
import { readLooseJson } from '../../../../src/upstream/acedata/wire/json.ts';
import {
  decodeLookUp,
  encodeLookUp,
  encodeTaskList,
  parseLookUp,
  type LookUp,
} from '../../../../src/upstream/acedata/wire/look-up.ts';
import { json, succeeded, success, TASK_ID, URL_A } from '../../../fixtures/wire.ts';

describe('a look-up', () => {
  test.each<[LookUp, object]>([
    [
      { kind: 'one', taskId: TASK_ID },
      { action: 'retrieve', id: TASK_ID },
    ],
    [
      { kind: 'ids', taskIds: [TASK_ID] },
      { action: 'retrieve_batch', ids: [TASK_ID] },
    ],
    [
      { kind: 'window', from: new Date(1_500), to: new Date(2_250), limit: 10, offset: 20 },
      { action: 'retrieve_batch', created_at_min: 1.5, created_at_max: 2.25, limit: 10, offset: 20 },
    ],
    [
      { kind: 'window', from: null, to: null, limit: 50, offset: 0 },
      { action: 'retrieve_batch', limit: 50, offset: 0 },
    ],
  ])('encodes and parses %j', (lookUp, body) => {
    expect(encodeLookUp(lookUp)).toEqual(body);
    expect(parseLookUp(body)).toEqual({ ok: true, lookUp });
  });

  test.each([
    [{}],
    [null],
    [{ action: 'cancel', id: 'a' }],
    [{ action: 'retrieve' }],
    [{ action: 'retrieve', id: 7 }],
    [{ action: 'retrieve_batch', ids: Array(51).fill('a') }],
    [{ action: 'retrieve_batch', limit: 51 }],
    [{ action: 'retrieve_batch', offset: -1 }],
  ])('rejects %j', (body) => {
    expect(parseLookUp(body)).toMatchObject({ ok: false, violations: [expect.any(String)] });
  });

  const all = { kind: 'window', from: null, to: null, limit: 50, offset: 0 };
  test.each<[object, object]>([
    [
      { ids: [], limit: 10 },
      { ...all, limit: 10 },
    ],
    [{ ids: [], offset: 0 }, all],
    [
      { ids: [], created_at_min: 1 },
      { ...all, from: new Date(1_000) },
    ],
    [{ ids: null, limit: null, offset: '', created_at_min: null, created_at_max: {} }, all],
    [{ ids: null }, all],
    [{ ids: [] }, { kind: 'ids', taskIds: [] }],
    [
      { ids: [], limit: null },
      { kind: 'ids', taskIds: [] },
    ],
    [
      { ids: ['a'], limit: 10 },
      { kind: 'ids', taskIds: ['a'] },
    ],
    [
      { id: null, ids: ['a'], page: '' },
      { kind: 'ids', taskIds: ['a'] },
    ],
  ])('parses a batch request with %j', (body, lookUp) => {
    expect(parseLookUp({ action: 'retrieve_batch', ...body })).toEqual({ ok: true, lookUp });
  });

  test.each<[unknown, string]>([
    [{}, 'action: is required: expected `retrieve` or `retrieve_batch`'],
    [{ action: null }, 'action: is required: expected `retrieve` or `retrieve_batch`'],
    [{ action: 'cancel' }, 'action: expected `retrieve` or `retrieve_batch`'],
    [[], 'expected a JSON object'],
    [{ action: 'retrieve' }, 'id: is required'],
    [{ action: 'retrieve', id: '' }, 'id: is required'],
    [{ action: 'retrieve', id: 7 }, 'id: expected a string'],
    [{ action: 'retrieve_batch', ids: Array(51).fill('a') }, 'ids: expected at most 50 ids'],
  ])('reports the violation in %j', (body, violation) => {
    expect(parseLookUp(body)).toMatchObject({ ok: false, violations: [violation] });
  });

  test.each<[string, unknown, string[], string[] | null]>([
    ['a record without its id', { response: { success: true, video_url: URL_A } }, ['a'], ['a']],
    ['a list of one record without its id', { items: [{ response: success }] }, ['a'], [TASK_ID]],
    [
      'a list of one record that names no task',
      { items: [{ response: { success: true, video_url: URL_A } }] },
      ['a'],
      ['a'],
    ],
    [
      'a record with its task id outside the response',
      { task_id: 'b', response: { success: true, video_url: URL_A } },
      ['a'],
      ['b'],
    ],
    [
      'a list without ids for two tasks',
      { items: [{ response: { success: true, video_url: URL_A } }] },
      ['a', 'b'],
      [],
    ],
    ['two records without ids for one task', { items: [{ response: {} }, { response: {} }] }, ['a'], []],
    ['a record without a response', { response: null }, ['a'], null],
  ])('answered by %s reports the task that it names, or else the only requested task', (_name, body, asked, found) => {
    const answer = decodeLookUp(200, json(body), 'ids', asked);
    expect(answer.kind === 'found' ? answer.records.map(({ taskId }) => taskId) : null).toEqual(found);
    if (answer.kind === 'found')
      for (const { outcome } of answer.records) expect(outcome).toMatchObject({ kind: 'succeeded', videoUrl: URL_A });
  });

  test.each(['NaN', 'Infinity', '-Infinity', 'nan', 'inf'])('reads %s in place of a number as absent', (word) => {
    const text = `{"id":"${TASK_ID}","elapsed":${word},"response":{"success":true,"video_url":"${URL_A}","video_id":842578800134742051,"duration":${word},"state":"succeed"}}`;
    expect(decodeLookUp(200, text)).toMatchObject({
      kind: 'found',
      records: [{ outcome: { kind: 'succeeded', durationSeconds: null, videoId: '842578800134742051' } }],
    });
    expect(
      decodeLookUp(
        200,
        `{"id":"a","note":"${word}","response":{"error":{"code":"x","message":"${word} \\"${word}\\""},"duration":${word}}}`,
      ),
    ).toMatchObject({ records: [{ outcome: { kind: 'failed', message: `${word} "${word}"` } }] });
  });

  test('takes time proportional to the length of text that is not JSON', () => {
    const cpuOf = (text: string): number => {
      const from = process.cpuUsage();
      expect(readLooseJson(text)).toBeUndefined();
      return process.cpuUsage(from).user;
    };
    for (const part of ['\\"', '"', '\\', 'nan', 'inf', '"\\']) {
      expect(cpuOf(part.repeat(200_000)), part).toBeLessThan(3_000_000);
    }
  });

  const one = { id: TASK_ID, response: success };
  test.each<[LookUp['kind'], string, number, unknown, string]>([
    ['one', 'a record', 200, one, 'found'],
    ['ids', 'a list', 200, { items: [one, null, {}, { id: '' }], count: 4 }, 'found'],
    ['window', 'an empty list', 200, encodeTaskList([]), 'found'],
    ...(['one', 'ids'] as const).flatMap((kind): [LookUp['kind'], string, number, unknown, string][] =>
      [
        ['an empty body', ''],
        ['{}', {}],
        ['null', 'null'],
        ['blanks', ' \n'],
      ].map(([name, body]) => [kind, name as string, 200, body, 'unknown']),
    ),
    ...[400, 404].flatMap((status): [LookUp['kind'], string, number, unknown, string][] => [
      ...[
        '',
        '<html></html>',
        '{"error": "no such task"}',
        '{"error": {"code": "not_found", "message": "no"}}',
        '{"error": {"code": "bad_request", "message": "no"}}',
        '{"code": "not_found", "detail": "no"}',
      ].map((body): [LookUp['kind'], string, number, unknown, string] => ['one', json(body), status, body, 'unknown']),
      ['one', 'a wrong path', status, { error: { code: 'no_api', message: 'no' } }, 'error'],
      ['one', 'a wrong token', status, { error: { code: 'token_mismatched', message: 'no' } }, 'error'],
      ['ids', 'a refused batch', status, '', 'error'],
      ['ids', 'a refused batch with a code', status, { error: { code: 'bad_request', message: 'no' } }, 'error'],
    ]),
    ...[401, 403, 408, 429, 500, 502, 503, 504].map((status): [LookUp['kind'], string, number, unknown, string] => [
      'one',
      'an empty body',
      status,
      '',
      'error',
    ]),
    ['one', 'an error', 200, { success: false, error: { code: 'invalid_token', message: 'no' } }, 'error'],
    ['one', 'an HTML page', 200, '<html></html>', 'error'],
    ['ids', 'a truncated body', 200, '{"items": [', 'error'],
  ])('of kind %s classifies %s under %i', (asked, _name, status, body, kind) => {
    const answer = decodeLookUp(status, json(body), asked);
    expect(answer.kind).toBe(kind);
    if (answer.kind === 'found')
      expect(answer.records.map(({ taskId, outcome }) => [taskId, outcome])).toEqual(
        asked === 'window' ? [] : [[TASK_ID, succeeded]],
      );
  });

  test('reports its invalid fields', () => {
    const wrong = (body: unknown) =>
      (parseLookUp(body) as { violations?: string[] }).violations?.map((text) => text.split(':')[0]);
    expect(wrong({ action: 'retrieve', id: '' })).toEqual(['id']);
    expect(
      wrong({
        action: 'retrieve_batch',
        limit: 0,
        offset: 1.5,
        created_at_min: -1,
        created_at_max: 253_402_300_800,
      })?.sort(),
    ).toEqual(['created_at_max', 'created_at_min', 'limit', 'offset']);
    for (const edge of [
      { limit: 1 },
      { limit: 50 },
      { created_at_min: 0 },
      { created_at_max: 253_402_300_799 },
      { ids: Array(50).fill('a') },
    ])
      expect(parseLookUp({ action: 'retrieve_batch', ...edge })).toMatchObject({ ok: true });
  });

  test('of a window defaults to 50 tasks from the first one, and rounds times to the millisecond', () => {
    expect(parseLookUp({ action: 'retrieve_batch' })).toEqual({
      ok: true,
      lookUp: { kind: 'window', from: null, to: null, limit: 50, offset: 0 },
    });
    expect(parseLookUp({ action: 'retrieve_batch', created_at_min: 1.2345, limit: 7, offset: 3 })).toEqual({
      ok: true,
      lookUp: { kind: 'window', from: new Date(1_235), to: null, limit: 7, offset: 3 },
    });
    expect(parseLookUp({ action: 'retrieve_batch', ids: ['a'], created_at_min: 1 })).toEqual({
      ok: true,
      lookUp: { kind: 'ids', taskIds: ['a'] },
    });
  });

  test('answered by an error reports its code and message', () => {
    expect(decodeLookUp(500, 'x')).toEqual({ kind: 'error', code: null, message: 'x', traceId: null });
    expect(decodeLookUp(404, '', 'window')).toMatchObject({ kind: 'error' });
    expect(decodeLookUp(410, '')).toMatchObject({ kind: 'error' });
    expect(decodeLookUp(404, '{"error":{"code":"used_up","message":"m"}}')).toEqual({
      kind: 'error',
      code: 'used_up',
      message: 'm',
      traceId: null,
    });
    expect(decodeLookUp(199, '{"id":"t"}')).toMatchObject({ kind: 'error' });
    expect(decodeLookUp(299, '{"id":"t"}')).toMatchObject({ kind: 'found' });
    expect(decodeLookUp(300, '{"id":"t"}')).toMatchObject({ kind: 'error' });
    expect(decodeLookUp(200, '[1]')).toMatchObject({ kind: 'error' });
  });
});
