/** One request over a connection that stands, and the beginning of its answer. */
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
 * Returns as soon as an answer's status and what is read of its text are there. Rejects when there is no status. The
 * socket is closed in any case.
 */
export async function exchange(
  socket: Socket,
  { url, headers, body, maxAnswerBytes }: Exchange,
  signal: AbortSignal,
): Promise<{ readonly httpStatus: number; readonly text: string }> {
  let used = false;
  const client = new Client(url.origin, {
    // The one connection, once: a second one would be to an address that nobody checked.
    connect(_options, callback) {
      const isFirst = !used;
      used = true;
      // Not at once: undici does not see a connection that is there before it waits for it.
      queueMicrotask(() => (isFirst ? callback(null, socket) : callback(new Error('the connection was used'), null)));
    },
    // The signal ends all of it.
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
    // undici looks at the signal only once it has begun to write.
    const response = await untilAborted(request, signal);
    return { httpStatus: response.statusCode, text: await readText(response.body, maxAnswerBytes) };
  } finally {
    await client.destroy();
    socket.destroy();
  }
}

/**
 * The first `maxBytes`, as text that PostgreSQL can store. A text that is cut off, by the limit, the signal or the
 * receiver, is as long as it is: the status was heard.
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
    // As above.
  }
  return text.replaceAll('\0', '\ufffd');
}
