/** Sends one request over an established connection, and reads the beginning of its answer. */
import type { Socket } from 'node:net';
import { Client, type Dispatcher } from 'undici';
import { untilAborted } from './deadline.ts';

export interface Exchange {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly maxAnswerBytes: number;
}

/**
 * Resolves as soon as the status of an answer and the part of its text that is read have arrived. Rejects if there is
 * no status. Closes the socket in any case.
 */
export async function exchange(
  socket: Socket,
  { url, headers, body, maxAnswerBytes }: Exchange,
  signal: AbortSignal,
): Promise<{ readonly httpStatus: number; readonly text: string }> {
  let used = false;
  const client = new Client(url.origin, {
    // Provides the one connection, once: a second connection would go to an address that was not checked.
    connect(_options, callback) {
      const isFirst = !used;
      used = true;
      // Deferred, because undici does not notice a connection that exists before undici waits for it.
      queueMicrotask(() => (isFirst ? callback(null, socket) : callback(new Error('the connection was used'), null)));
    },
    // The signal limits the whole exchange.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  try {
    const path = `${url.pathname}${url.search}`;
    const ours = Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== 'host'));
    const request = client.request({
      method: 'POST',
      path,
      headers: { ...ours, host: url.host },
      body,
      signal,
      reset: true,
    });
    // undici checks the signal only after it has begun to write.
    const response = await untilAborted(request, signal);
    return { httpStatus: response.statusCode, text: await readText(response.body, maxAnswerBytes) };
  } finally {
    await client.destroy();
    socket.destroy();
  }
}

/**
 * Reads the first `maxBytes` as text that PostgreSQL can store. If the text is cut off by the limit, the signal or the
 * receiver, it returns the part that was read, because the status has already arrived.
 */
async function readText(body: Dispatcher.ResponseData['body'], maxBytes: number): Promise<string> {
  const decoder = new TextDecoder();
  let text = '';
  let left = maxBytes;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      text += decoder.decode(chunk.subarray(0, left), { stream: true });
      left -= chunk.length;
      if (left <= 0) break;
    }
  } catch {
    // The part that was read is returned, as described above.
  }
  return text.replaceAll('\0', '\ufffd');
}
