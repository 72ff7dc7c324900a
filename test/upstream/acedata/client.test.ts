import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { findFreePort } from '../../../verification/harness/free-port.ts';
import { createCallbackUrls } from '../../../src/upstream/callback-url.ts';
import { createUpstreamClient } from '../../../src/upstream/acedata/client.ts';
import { submittingJob } from '../../support/life.ts';
import { httpAnswer, startRawUpstream } from '../../support/raw-upstream.ts';

const callbackUrls = createCallbackUrls(['a secret of thirty-two characters'], () => 'https://gateway.example.com');
const attempt = { jobId: submittingJob().id, attempt: 1, input: submittingJob().input };
const never = new AbortController().signal;

function clientOf(baseUrl: string, submitTimeoutMs = 2_000) {
  const client = createUpstreamClient({
    id: 'test',
    sandbox: false,
    baseUrl,
    token: 'secret-token',
    callbackUrls,
    submitTimeoutMs,
  });
  onTestFinished(() => client.stop());
  return client;
}

/**
 * Submits to an upstream that answers with `answer`; returns the result, the number of requests, and the first request.
 */
async function submitTo(answer: (socket: Socket) => void, submitTimeoutMs?: number) {
  const upstream = await startRawUpstream(answer);
  const end = await clientOf(upstream.url, submitTimeoutMs).submit(attempt, never);
  return { end, arrived: upstream.requests.length, request: upstream.requests[0] ?? '' };
}

const answering = (status: number, body: string | object, contentType?: string) => (socket: Socket) =>
  void socket.end(httpAnswer(status, typeof body === 'string' ? body : JSON.stringify(body), contentType));

const packed = (status: number, body: string, encoding: string, pack: (body: Buffer) => Buffer) => (socket: Socket) => {
  const bytes = pack(Buffer.from(body));
  socket.end(
    Buffer.concat([
      Buffer.from(
        `HTTP/1.1 ${status} X\r\ncontent-type: application/json\r\ncontent-encoding: ${encoding}\r\ncontent-length: ${bytes.length}\r\n\r\n`,
      ),
      bytes,
    ]),
  );
};

const redirecting = (status: number, location: string) => (socket: Socket) =>
  void socket.end(
    `HTTP/1.1 ${status} X\r\n${location === '' ? '' : `location: ${location}\r\n`}content-length: 0\r\n\r\n`,
  );

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
    ['nothing is answered in time', () => undefined],
    [
      'the headers come and the body does not',
      (socket) => void socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"task_id"'),
    ],
    ['the body is cut off', (socket) => void socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{"task_id"')],
    ['the answer is not HTTP', (socket) => void socket.end('SSH-2.0-OpenSSH_9.2\r\n')],
    ['200 without a task id', answering(200, {})],
    ['200 with half a JSON body', answering(200, '{"task_id": "363c')],
    ['200 with a page', answering(200, '<html></html>', 'text/html')],
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
      'a redirect that may answer a request that was worked on',
      (socket) => void socket.end('HTTP/1.1 303 X\r\nlocation: /elsewhere\r\ncontent-length: 0\r\n\r\n'),
    ],
    ['200 with a body in an unknown encoding', packed(200, '{"task_id":"a"}', 'rot13', (body) => body)],
    [
      '200 with a body in an encoding by a name that every object has',
      packed(200, '{"task_id":"a"}', 'constructor', (body) => body),
    ],
    ['200 with a body that is not gzip although it says so', packed(200, '{"task_id":"a"}', 'gzip', (body) => body)],
    [
      '200 with half a gzip body',
      packed(200, JSON.stringify({ task_id: 'a', more: randomBytes(200).toString('hex') }), 'gzip', (body) =>
        gzipSync(body).subarray(0, 60),
      ),
    ],
    [
      '200 with a small body that unpacks to a huge one',
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
    ['402 with a code of its own', 402, envelope('payment_required'), { kind: 'blocked', reason: 'payment_required' }],
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

describe('a redirect', () => {
  test.each([301, 302, 307, 308])(
    'by %i refuses the submit, is not followed, and names the setting to check',
    async (status) => {
      const { end, arrived } = await submitTo(redirecting(status, 'https://www.example.com/kling/motion'));
      expect(end).toEqual({
        kind: 'refused',
        refusal: {
          kind: 'blocked',
          reason: 'redirected to https://www.example.com/kling/motion, check ACEDATA_BASE_URL',
        },
        httpStatus: status,
        traceId: null,
      });
      expect(arrived).toBe(1);
    },
  );

  test.each([
    ['https://user:pass@a.com/login?token=secret#secret', 'https://a.com/login'],
    ['//a.com/x?sig=secret', 'http://a.com/x'],
    ['ftp://user:secret@a.com/secret', 'ftp:...'],
    ['http://[', 'nowhere'],
    ['', 'nowhere'],
    ['https://a.com/secret-token-0123456789/x', 'https://a.com/[redacted]/x'],
    ['https://a.com/secret-token-0123456789/secret-token-0123456789', 'https://a.com/[redacted]/[redacted]'],
  ])('to %s is reported without secrets, for submits and look-ups', async (location, told) => {
    const upstream = await startRawUpstream(redirecting(302, location));
    const client = createUpstreamClient({
      id: 'test',
      sandbox: false,
      baseUrl: upstream.url,
      token: 'secret-token-0123456789',
      callbackUrls,
      submitTimeoutMs: 2_000,
    });
    onTestFinished(() => client.stop());
    expect(await client.submit(attempt, never)).toMatchObject({
      refusal: { kind: 'blocked', reason: `redirected to ${told}, check ACEDATA_BASE_URL` },
    });
    await expect(client.lookUp(['a', 'b', 'c'], never)).rejects.toThrow(
      `redirected to ${told}, check ACEDATA_BASE_URL`,
    );
    expect(upstream.requests.length, 'no id is asked for alone').toBe(2);
  });

  test('to a path of the same host is reported as an absolute URL', async () => {
    const upstream = await startRawUpstream(redirecting(308, '/v2/kling/motion?key=secret'));
    expect(await clientOf(`${upstream.url}/`).submit(attempt, never)).toMatchObject({
      refusal: { reason: `redirected to ${upstream.url}/v2/kling/motion, check ACEDATA_BASE_URL` },
    });
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

describe('the body of an answer', () => {
  const encodings: [string, (body: Buffer) => Buffer][] = [
    ['gzip', gzipSync],
    ['X-GZip', gzipSync],
    ['br', brotliCompressSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
    ['identity', (body) => body],
    ['gzip, br', (body) => brotliCompressSync(gzipSync(body))],
  ];

  test.each(encodings)('is decoded from the encoding %s', async (encoding, pack) => {
    const { end } = await submitTo(packed(200, '{"task_id":"a"}', encoding, pack));
    expect(end).toMatchObject({ kind: 'accepted', taskId: 'a' });
    const refused = await submitTo(packed(403, '{"error":{"code":"used_up","message":"no"}}', encoding, pack));
    expect(refused.end).toMatchObject({ kind: 'refused', refusal: { kind: 'blocked', reason: 'used_up' } });
    const upstream = await startRawUpstream(
      packed(200, '{"items":[{"id":"a","response":{}}],"count":1}', encoding, pack),
    );
    expect([...(await clientOf(upstream.url).lookUp(['a'], never)).keys()]).toEqual(['a']);
  });

  test.each<[string, (socket: Socket) => void]>([
    ['too large once it is unpacked', packed(200, `{"items":[],"more":"${' '.repeat(8_000_000)}"}`, 'gzip', gzipSync)],
    ['too large as it is', answering(200, `{"items":[],"more":"${' '.repeat(5_000_000)}"}`)],
    [
      'packed three times',
      packed(200, '{"items":[]}', 'gzip, gzip, gzip', (body) => gzipSync(gzipSync(gzipSync(body)))),
    ],
  ])('to a look-up makes the look-up fail if it is %s', async (_name, answer) => {
    const upstream = await startRawUpstream(answer);
    await expect(clientOf(upstream.url).lookUp(['a'], never)).rejects.toThrow();
  });

  test('is decoded after a byte order mark', async () => {
    expect((await submitTo(answering(200, '\ufeff{"task_id":"a"}'))).end).toMatchObject({
      kind: 'accepted',
      taskId: 'a',
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

describe('a look-up', () => {
  const record = (id: string, callbackUrl: string | null, response: object = {}) => ({
    id,
    type: 'motion',
    request: { callback_url: callbackUrl },
    response,
  });

  test('reports the known tasks, each with the job that it was created for', async () => {
    const ours = callbackUrls.urlFor(attempt.jobId, 1)!;
    const items = [
      record('a', ours),
      record('b', 'https://elsewhere.example.com/hook'),
      record(
        'c',
        ours.replace(/.$/, (last) => (last === 'A' ? 'Q' : 'A')),
      ),
    ];
    const upstream = await startRawUpstream(answering(200, { items, count: 3 }));
    const reports = await clientOf(upstream.url).lookUp(['a', 'b', 'c', 'd'], never);
    expect([...reports.values()]).toEqual([
      { taskId: 'a', outcome: { kind: 'running' }, echo: { jobId: attempt.jobId, attempt: 1 } },
      { taskId: 'b', outcome: { kind: 'running' }, echo: 'other' },
      { taskId: 'c', outcome: { kind: 'running' }, echo: 'other' },
    ]);
  });

  test('reports the other tasks if one id fails, in the batch and alone', async () => {
    const upstream = await startRawUpstream((socket, request) => {
      const { id } = JSON.parse(request.split('\r\n\r\n')[1]!) as { id?: string };
      socket.end(id === 'a' || id === 'b' ? httpAnswer(200, JSON.stringify(record(id, null))) : httpAnswer(500, ''));
    });
    const client = clientOf(upstream.url);
    expect([...(await client.lookUp(['a', 'poison', 'b'], never)).keys()]).toEqual(['a', 'b']);
    await expect(client.lookUp(['poison', 'poison too'], never)).rejects.toThrow('look-up failed');
    await expect(client.lookUp(['poison', 'p', 'q', 'r', 's'], never)).rejects.toThrow('look-up failed');
    expect(upstream.requests.length, 'an outage is not asked about id by id').toBe(4 + 3 + 4);
  });

  test('requests each id alone if the batch is refused because of one id', async () => {
    const upstream = await startRawUpstream((socket, request) => {
      const { id } = JSON.parse(request.split('\r\n\r\n')[1]!) as { id?: string };
      if (id === undefined) socket.end(httpAnswer(404, ''));
      else socket.end(id === 'gone' ? httpAnswer(404, '') : httpAnswer(200, JSON.stringify(record(id, null))));
    });
    const reports = await clientOf(upstream.url).lookUp(['a', 'gone', 'b'], never);
    expect([...reports.keys()]).toEqual(['a', 'b']);
  });

  test.each([
    ['an outage', 502, '<html></html>'],
    ['a refused token', 401, JSON.stringify({ error: { code: 'invalid_token', message: 'no' } })],
    ['nonsense', 200, 'nonsense'],
  ])('fails on %s instead of reporting an unknown task', async (_name, status, body) => {
    const upstream = await startRawUpstream(answering(status, body));
    await expect(clientOf(upstream.url).lookUp(['a'], never)).rejects.toThrow('look-up failed');
  });
});
