/** Looking on at answers: what counts as written, by real connections. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { createFollowAnswer } from '../src/http/rest/answer-watch.ts';

/** More than the buffers of two sockets take. */
const LARGE = Buffer.alloc(64 * 1_024 * 1_024);

async function start() {
  const ends: string[] = [];
  const server = createServer();
  const followAnswer = createFollowAnswer(server, { ended: (_jobId, state) => void ends.push(state) }, 10_000);
  const answers: ((request: IncomingMessage, response: ServerResponse) => void)[] = [];
  server.on('request', (request, response) => {
    followAnswer('a job', response, new AbortController().signal);
    answers.shift()!(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    ends,
    server,
    async ask(answer: (response: ServerResponse) => void): Promise<Socket> {
      answers.push((_request, response) => answer(response));
      const client = connect(port, '127.0.0.1');
      client.on('error', () => undefined);
      onTestFinished(() => void client.destroy());
      await once(client, 'connect');
      client.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n');
      return client;
    },
  };
}

test.each([200, 403])('an answer %i of which a part was written when the connection broke did not arrive', async (status) => {
  const { ends, ask } = await start();
  const client = await ask((response) => void response.writeHead(status).end(LARGE));
  await once(client, 'data');
  client.pause();
  expect(ends).toEqual([]);
  client.destroy();
  await expect.poll(() => ends, { timeout: 3_000 }).toEqual(['UNANSWERED']);
});

test('neither did one that we cut off ourselves, as at the end of a stop', async () => {
  const { ends, ask, server } = await start();
  const client = await ask((response) => void response.writeHead(200).end(LARGE));
  await once(client, 'data');
  client.pause();
  server.closeAllConnections();
  await expect.poll(() => ends, { timeout: 3_000 }).toEqual(['UNANSWERED']);
});

test('the same answer did, once all of it was read', async () => {
  const { ends, ask } = await start();
  const client = await ask((response) => void response.writeHead(200).end(LARGE));
  client.resume();
  await expect.poll(() => ends, { timeout: 3_000 }).toEqual(['ANSWERED']);
});

test('so did one after which the connection is closed', async () => {
  const { ends, ask } = await start();
  (await ask((response) => void response.writeHead(200, { connection: 'close' }).end('yes'))).resume();
  await expect.poll(() => ends, { timeout: 3_000 }).toEqual(['ANSWERED']);
});

test.each([500, 502, 504])('an answer %i did not, however it was read', async (status) => {
  const { ends, ask } = await start();
  (await ask((response) => void response.writeHead(status).end('no'))).resume();
  await expect.poll(() => ends, { timeout: 3_000 }).toEqual(['UNANSWERED']);
});
