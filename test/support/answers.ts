/** A server that tracks the delivery of its answers, and raw clients for it. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Socket, type AddressInfo } from 'node:net';
import { expect } from 'vitest';
import { createProxyCheck } from '../../src/http/proxied.ts';
import { createAnswerWatch, type WatchTimes } from '../../src/http/rest/answer-delivery.ts';
import { onEnd } from './on-end.ts';

/** Longer than any test takes, so that no timeout decides an outcome. */
export const NEVER = 600_000;
/** On a single machine, a reset arrives immediately. */
const SHORT: WatchTimes = { closeMs: 300, resetMs: NEVER };

export async function listen(
  server: { listen(port: number, host: string): unknown; address(): unknown } & NodeJS.EventEmitter,
): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

export const requestText = (headers: readonly string[] = [], version = '1.1'): string =>
  ['POST / HTTP/' + version, 'host: a', 'content-length: 0', ...headers, '', ''].join('\r\n');

export async function startAnswering(times: WatchTimes = SHORT) {
  const ends: string[] = [];
  const server: Server = createServer();
  const { noteRequest, followAnswer } = createAnswerWatch(
    { ended: (_jobId, state) => void ends.push(state), stopConfirming: () => void ends.push('closing') },
    times,
    createProxyCheck(null),
  );
  server.on('request', noteRequest);
  const answers: ((response: ServerResponse) => void)[] = [];
  server.on('request', (_request: IncomingMessage, response: ServerResponse) => {
    const answer = answers.shift();
    if (!answer) return void response.end('not followed');
    followAnswer('a job', response, new AbortController().signal);
    answer(response);
  });
  const port = await listen(server);
  onEnd(() => {
    server.closeAllConnections();
    server.close();
  });

  async function open({ reads = true, allowHalfOpen = false } = {}): Promise<Socket> {
    // A client that never reads leaves the answer in its kernel's buffer.
    const client = new Socket({ allowHalfOpen });
    client.on('error', () => undefined);
    if (!reads) client.pause();
    client.connect(port, '127.0.0.1');
    onEnd(() => void client.destroy());
    await once(client, 'connect');
    return client;
  }
  return {
    ends,
    server,
    port,
    open,
    next: (answer: (response: ServerResponse) => void) => void answers.push(answer),
    /** Sends a request that the server answers with `answer`; resolves with its client. */
    async ask(
      answer: (response: ServerResponse, client: Socket) => void,
      headers: readonly string[] = [],
      options = {},
    ): Promise<Socket> {
      const client = await open(options);
      answers.push((response) => answer(response, client));
      client.write(requestText(headers));
      return client;
    },
  };
}

export const verdicts = (ends: readonly string[]): string[] => ends.filter((end) => end !== 'closing');
export const becomes = (ends: readonly string[], expected: readonly string[]) =>
  expect.poll(() => ends, { timeout: 10_000 }).toEqual(expected);
