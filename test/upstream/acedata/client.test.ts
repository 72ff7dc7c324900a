/** Submit attempts on real sockets: each is sent at most once, and its end is classified by evidence. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { findFreePort } from '../../../verification/harness/free-port.ts';
import { startRawUpstream } from '../../support/raw-upstream.ts';
import { answering, attempt, callbackUrls, clientOf, never, packed, submitTo } from '../../support/upstream-client.ts';

describe('a submit attempt without a connection', () => {
  test('ends as never sent if the connection is refused', async () => {
    const client = clientOf(`http://127.0.0.1:${await findFreePort()}`);
    expect(await client.submit(attempt, never)).toEqual({ kind: 'neverSent', reason: 'ECONNREFUSED' });
  });

  test('ends as never sent if the host name cannot be resolved', async () => {
    const client = clientOf('http://no-such-host.invalid');
    expect(await client.submit(attempt, never)).toMatchObject({ kind: 'neverSent' });
  });

  test('ends as never sent if the server does not speak TLS', async () => {
    const server = createServer(
      (socket) => void socket.on('error', () => undefined).end('HTTP/1.1 400 Bad Request\r\n\r\n'),
    ).listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    const client = clientOf(`https://127.0.0.1:${(server.address() as AddressInfo).port}`);
    expect(await client.submit(attempt, never)).toMatchObject({ kind: 'neverSent' });
  });

  test('ends as never sent if the gateway stops before the connection is established', async () => {
    const upstream = await startRawUpstream(answering(200, { task_id: 'a' }));
    expect(await clientOf(upstream.url).submit(attempt, AbortSignal.abort())).toMatchObject({ kind: 'neverSent' });
    expect(upstream.requests).toEqual([]);
  });
});

describe('a submit attempt that may have arrived', () => {
  test.each<[string, (socket: Socket) => void]>([
    ['the connection is reset', (socket) => void socket.resetAndDestroy()],
    ['the connection is closed without an answer', (socket) => void socket.end()],
    ['no answer arrives in time', () => undefined],
    [
      'the headers arrive without the body',
      (socket) => void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"task_id"'),
    ],
    ['the body is cut off', (socket) => void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"task_id"')],
    ['the answer is not HTTP', (socket) => void socket.end('SSH-2.0-OpenSSH_9.2\r\n')],
    ['200 without a task id', answering(200, {})],
    ['200 with truncated JSON', answering(200, '{"task_id": "363c')],
    ['200 with an HTML page', answering(200, '<html></html>', 'text/html')],
    ['500 api_error', answering(500, { success: false, error: { code: 'api_error', message: 'fetch failed' } })],
    ['500 with a code that would be a refusal', answering(500, { error: { code: 'used_up', message: 'no' } })],
    ['502', answering(502, '<html>Bad Gateway</html>', 'text/html')],
    ['503', answering(503, '')],
    ['504', answering(504, '<html>Gateway Timeout</html>', 'text/html')],
    ['408', answering(408, '')],
    ['409 from a proxy', answering(409, '')],
    ['499 from a proxy', answering(499, '')],
    ['408 without an envelope', answering(408, '<html></html>', 'text/html')],
    ['425 from a proxy', answering(425, '')],
    ['460 from a proxy', answering(460, '')],
    [
      'a redirect that may follow a request that was processed',
      (socket) => void socket.end('HTTP/1.1 303 X\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n'),
    ],
    ['200 with a body in an unknown encoding', packed(200, '{"task_id":"a"}', 'rot13', (body) => body)],
    [
      '200 with a body in an encoding named like an inherited property',
      packed(200, '{"task_id":"a"}', 'constructor', (body) => body),
    ],
    ['200 with a body that is not gzip despite its header', packed(200, '{"task_id":"a"}', 'gzip', (body) => body)],
    [
      '200 with a truncated gzip body',
      packed(200, JSON.stringify({ task_id: 'a', more: randomBytes(200).toString('hex') }), 'gzip', (body) =>
        gzipSync(body).subarray(0, 60),
      ),
    ],
    [
      '200 with a small body that decompresses to a huge one',
      packed(200, `{"task_id":"a","more":"${' '.repeat(8_000_000)}"}`, 'gzip', gzipSync),
    ],
    ['200 with a huge body', answering(200, `{"task_id":"a","more":"${' '.repeat(5_000_000)}"}`)],
  ])('ends as ambiguous and is sent once: %s', async (_name, answer) => {
    const { end, arrived } = await submitTo(answer, 300);
    expect(end.kind).toBe('ambiguous');
    expect(arrived, 'sent once').toBe(1);
  });
});

describe('a submit attempt that the upstream refuses', () => {
  const envelope = (code: string, message = 'no') => ({ success: false, error: { code, message }, trace_id: 't-1' });

  test.each([
    ['429 too_many_requests', 429, envelope('too_many_requests'), { kind: 'busy' }],
    ['429 rate_limited', 429, envelope('rate_limited'), { kind: 'busy' }],
    ['429 without an envelope', 429, '', { kind: 'busy' }],
    ['403 used_up', 403, envelope('used_up'), { kind: 'blocked', reason: 'used_up' }],
    ['400 disabled', 400, envelope('disabled'), { kind: 'blocked', reason: 'disabled' }],
    ['401 invalid_token', 401, envelope('invalid_token'), { kind: 'blocked', reason: 'invalid_token' }],
    ['400 token_mismatched', 400, envelope('token_mismatched'), { kind: 'blocked', reason: 'token_mismatched' }],
    ['404 no_api', 404, envelope('no_api'), { kind: 'blocked', reason: 'no_api' }],
    ['401 from a proxy', 401, '<html></html>', { kind: 'blocked', reason: 'HTTP 401' }],
    ['402 with an unknown code', 402, envelope('payment_required'), { kind: 'blocked', reason: 'payment_required' }],
    [
      '403 from a proxy',
      403,
      '<html></html>',
      { kind: 'blocked', reason: 'HTTP 403', failure: { code: 'UPSTREAM_REJECTED' } },
    ],
    [
      '403 forbidden',
      403,
      envelope('forbidden'),
      { kind: 'rejected', failure: { code: 'CONTENT_REJECTED', upstreamCode: 'forbidden', charge: 'NOT_CHARGED' } },
    ],
    [
      '400 bad_request',
      400,
      envelope('bad_request', 'missing field'),
      { kind: 'rejected', failure: { code: 'UPSTREAM_REJECTED', upstreamTraceId: 't-1' } },
    ],
    [
      '400 bad_request about the media',
      400,
      envelope('bad_request', 'image ratio out of range'),
      { kind: 'rejected', failure: { code: 'INVALID_MEDIA' } },
    ],
  ])('ends as refused on %s', async (_name, status, body, refusal) => {
    const { end } = await submitTo(answering(status, body));
    expect(end).toMatchObject({ kind: 'refused', httpStatus: status, refusal });
  });
});

describe('an answer without a success status that names a task', () => {
  const error = (code: string) => ({ success: false, error: { code, message: 'no' }, trace_id: 't', task_id: 'a' });

  test.each<[number, object]>([
    [504, error('timeout')],
    [500, error('api_error')],
    [502, { task_id: 'a' }],
    [302, { task_id: 'a' }],
    [408, { task_id: 'a' }],
    [409, error('conflict')],
    [409, { task_id: 'a' }],
    [422, { task_id: 'a', error: 'no' }],
  ])('is ambiguous under %i, and its task id is kept', async (status, body) => {
    const { end, arrived } = await submitTo(answering(status, body));
    expect(end).toMatchObject({ kind: 'ambiguous', httpStatus: status, taskId: 'a' });
    expect(arrived).toBe(1);
  });

  test.each<[number, object, string]>([
    [400, error('bad_request'), 'rejected'],
    [403, error('forbidden'), 'rejected'],
    [429, error('too_many_requests'), 'busy'],
    [429, { task_id: 'a' }, 'busy'],
    [401, error('invalid_token'), 'blocked'],
    [402, error('used_up'), 'blocked'],
    [403, { task_id: 'a' }, 'blocked'],
  ])('is still a refusal under %i with %j', async (status, body, kind) => {
    expect((await submitTo(answering(status, body))).end).toMatchObject({
      kind: 'refused',
      httpStatus: status,
      refusal: { kind },
    });
  });
});

describe('an accepted submit attempt', () => {
  test('sends the token, the input, and the callback URL, and returns the task id', async () => {
    const { end, request } = await submitTo(answering(200, { task_id: '20068983-0cc9-4c6a-aeb6-9c6a3c668be0' }));
    expect(end).toEqual({
      kind: 'accepted',
      taskId: '20068983-0cc9-4c6a-aeb6-9c6a3c668be0',
      outcome: null,
      traceId: null,
    });
    expect(request).toContain('authorization: Bearer secret-token');
    expect(JSON.parse(request.split('\r\n\r\n')[1]!)).toEqual({
      image_url: 'https://a.com/a.png',
      video_url: 'https://a.com/a.mp4',
      character_orientation: 'image',
      mode: 'std',
      keep_original_sound: 'yes',
      callback_url: callbackUrls.urlFor(attempt.jobId, 1),
    });
  });

  test('returns the outcome if the answer is the finished result', async () => {
    const { end } = await submitTo(
      answering(200, {
        success: true,
        video_id: '842578800134742051',
        video_url: 'https://cdn.example.com/a.mp4',
        duration: '5.066',
        state: 'succeed',
        task_id: 't',
      }),
    );
    expect(end).toMatchObject({
      kind: 'accepted',
      taskId: 't',
      outcome: { kind: 'succeeded', video: { id: '842578800134742051', durationSeconds: 5.066 } },
    });
  });
});
