/** A client of the upstream, and upstreams that answer each request with the same bytes. */
import type { Socket } from 'node:net';
import { createCallbackUrls } from '../../src/upstream/callback-url.ts';
import { createUpstreamClient, type UpstreamClient } from '../../src/upstream/acedata/client.ts';
import { submittingJob } from './life.ts';
import { onEnd } from './on-end.ts';
import { httpAnswer, startRawUpstream } from './raw-upstream.ts';

export const callbackUrls = createCallbackUrls(
  ['a secret of thirty-two characters'],
  () => 'https://gateway.example.com',
);
export const attempt = { jobId: submittingJob().id, attempt: 1, input: submittingJob().input };
export const never = new AbortController().signal;

/** Creates a client of the upstream at `baseUrl`, which stops when the test ends. */
export function clientOf(
  baseUrl: string,
  { submitTimeoutMs = 2_000, token = 'secret-token' }: { submitTimeoutMs?: number; token?: string } = {},
): UpstreamClient {
  const client = createUpstreamClient({
    id: 'test',
    sandbox: false,
    baseUrl,
    token,
    callbackUrls,
    submitTimeoutMs,
  });
  onEnd(() => client.stop());
  return client;
}

/**
 * Submits to an upstream that answers with `answer`; returns the result, the number of requests, and the first request.
 */
export async function submitTo(answer: (socket: Socket) => void, submitTimeoutMs?: number) {
  const upstream = await startRawUpstream(answer);
  const end = await clientOf(upstream.url, { submitTimeoutMs }).submit(attempt, never);
  return { end, arrived: upstream.requests.length, request: upstream.requests[0] ?? '' };
}

/** Answers a request with a body that is sent as it is. */
export const answering = (status: number, body: string | object, contentType?: string) => (socket: Socket) =>
  void socket.end(httpAnswer(status, typeof body === 'string' ? body : JSON.stringify(body), contentType));

/** Answers a request with a body that `pack` encodes. */
export const packed =
  (status: number, body: string, encoding: string, pack: (body: Buffer) => Buffer) => (socket: Socket) => {
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
