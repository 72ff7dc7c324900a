/** Tests the evidence of whether an answer arrived, by the order of events on connections of raw TCP clients. */
import { readFileSync } from 'node:fs';
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import type { WatchTimes } from '../../../src/http/rest/answer-delivery.ts';
import { becomes, NEVER, requestText, startAnswering } from '../../support/answers.ts';

/** Larger than the buffers of two sockets. */
const LARGE = Buffer.alloc(64 * 1_024 * 1_024);

const connectionHeaders = ['close', 'keep-alive'] as const;

describe.each(connectionHeaders)('with "connection: %s" the answer', (connection) => {
  const headers = [`connection: ${connection}`];

  test('has arrived if the client closes after it has read it', async () => {
    const { ends, ask } = await startAnswering();
    const client = await ask((response) => void response.end('yes'), headers);
    await once(client, 'data');
    client.destroy();
    await becomes(ends, ['closing', 'ANSWERED']);
  });

  test('has not arrived if the client closes as it is written', async () => {
    const { ends, ask } = await startAnswering();
    // Both ends are in this process: the FIN is there when the answer is written, but the server has not seen it.
    await ask((response, client) => {
      client.destroy();
      response.end('yes');
    }, headers);
    await becomes(ends, ['closing', 'UNANSWERED']);
  });

  test('has not arrived if the client resets as it is written', async () => {
    const { ends, ask } = await startAnswering();
    await ask((response, client) => {
      response.end('yes');
      client.resetAndDestroy();
    }, headers);
    await becomes(ends, ['UNANSWERED']);
  });

  test('has not arrived if the client closes without reading it', async () => {
    const { ends, ask } = await startAnswering();
    let written = false;
    const client = await ask((response) => void response.once('close', () => (written = true)).end('yes'), headers, {
      reads: false,
    });
    await expect.poll(() => written).toBe(true);
    client.destroy();
    await becomes(ends, ['UNANSWERED']);
  });

  test('has not arrived if the client half-closed before it', async () => {
    const { ends, ask } = await startAnswering();
    await ask((response, client) => {
      client.end();
      setTimeout(() => response.end('yes'), 50);
    }, headers);
    await becomes(ends, ['UNANSWERED']);
  });

  test('counts as arrived if the client keeps the connection open for long enough', async () => {
    const { ends, ask } = await startAnswering({ closeMs: 20, resetMs: 40 });
    (await ask((response) => void response.end('yes'), headers)).on('end', () => undefined);
    await becomes(ends, ['ANSWERED']);
  });

  test('has not arrived if the client resets later without reading it', async () => {
    const { ends, ask } = await startAnswering({ closeMs: 1, resetMs: NEVER });
    const client = await ask((response) => void response.end('yes'), headers, { reads: false });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(ends).toEqual([]);
    client.destroy();
    await becomes(ends, ['UNANSWERED']);
  });

  test('is in doubt if the gateway closes before there is any evidence', async () => {
    const { ends, ask, server } = await startAnswering({ closeMs: NEVER, resetMs: NEVER });
    const client = await ask((response) => void response.end('yes'), headers);
    await once(client, 'data');
    server.closeAllConnections();
    await becomes(ends, ['DOUBTFUL']);
  });

  test('has arrived if the gateway closes after the client had time to reset', async () => {
    const { ends, ask, server } = await startAnswering({ closeMs: 1, resetMs: NEVER });
    const client = await ask((response) => void response.end('yes'), headers, { allowHalfOpen: true });
    await once(client, 'data');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(ends).toEqual([]);
    server.closeAllConnections();
    await becomes(ends, ['ANSWERED']);
  });

  test.each([200, 403])(
    'with status %i has not arrived if only a part was written when the connection broke',
    async (status) => {
      const { ends, ask } = await startAnswering();
      const client = await ask((response) => void response.writeHead(status).end(LARGE), headers);
      await once(client, 'data');
      client.pause();
      expect(ends).toEqual([]);
      client.destroy();
      await becomes(ends, ['UNANSWERED']);
    },
  );

  test('has not arrived if the gateway cuts it off', async () => {
    const { ends, ask, server } = await startAnswering();
    const client = await ask((response) => void response.writeHead(200).end(LARGE), headers);
    await once(client, 'data');
    client.pause();
    server.closeAllConnections();
    await becomes(ends, ['UNANSWERED']);
  });

  test.each([500, 502, 504])('with status %i counts as no answer, even if it was read', async (status) => {
    const { ends, ask } = await startAnswering();
    (await ask((response) => void response.writeHead(status).end('no'), headers)).resume();
    await becomes(ends, ['UNANSWERED']);
  });

  test.each(['x-forwarded-for: 192.0.2.1', 'via: 1.1 edge', 'forwarded: for=192.0.2.1'])(
    'to a proxy (%s) has not arrived if the proxy resets, and is in doubt otherwise',
    async (header) => {
      const { ends, ask } = await startAnswering();
      const reset = await ask((response) => void response.end('yes'), [...headers, header]);
      await once(reset, 'data');
      expect(ends).toEqual(['closing']);
      reset.resetAndDestroy();
      await becomes(ends, ['closing', 'UNANSWERED']);
      const closed = await ask((response) => void response.end('yes'), [...headers, header]);
      await once(closed, 'data');
      closed.destroy();
      await becomes(ends, ['closing', 'UNANSWERED', 'closing', 'closing', 'DOUBTFUL']);
      const open = await ask((response) => void response.end('yes'), [...headers, header], { allowHalfOpen: true });
      await once(open, 'data');
      await becomes(ends, ['closing', 'UNANSWERED', 'closing', 'closing', 'DOUBTFUL', 'closing', 'DOUBTFUL']);
    },
  );
});

test('a client that waits for the end of the connection gets it before there is a verdict', async () => {
  const { ends, ask } = await startAnswering({ closeMs: 20, resetMs: NEVER });
  const client = await ask((response) => void response.end('yes'), ['connection: close']);
  client.resume();
  await once(client, 'end');
  await becomes(ends, ['ANSWERED']);
});

test('a request after the answer shows at once that the answer was read, and a later reset changes nothing', async () => {
  const { ends, ask } = await startAnswering({ closeMs: NEVER, resetMs: NEVER });
  const client = await ask((response) => void response.end('yes'));
  await once(client, 'data');
  client.write(requestText());
  await becomes(ends, ['ANSWERED']);
  client.resetAndDestroy();
  await expect.poll(() => client.closed).toBe(true);
  expect(ends).toEqual(['ANSWERED']);
});

test('a request on the connection of a proxy may come from any client and shows nothing, but a reset after it does not concern the first answer', async () => {
  const { ends, ask } = await startAnswering({ closeMs: NEVER, resetMs: NEVER });
  const client = await ask((response) => void response.end('yes'), ['x-real-ip: 192.0.2.1']);
  await once(client, 'data');
  client.write(requestText(['x-real-ip: 192.0.2.2']));
  await once(client, 'data');
  client.resetAndDestroy();
  await expect.poll(() => client.closed).toBe(true);
  expect(ends).toEqual(['closing', 'DOUBTFUL']);
});

describe('a client that pipelines', () => {
  async function pipelined(times: WatchTimes) {
    const stage = await startAnswering(times);
    const client = await stage.open();
    const held: ServerResponse[] = [];
    stage.next((response) => void held.push(response));
    stage.next((response) => void held.push(response));
    client.write(requestText() + requestText());
    await expect.poll(() => held.length).toBe(2);
    return { ...stage, client, held };
  }

  test('provides no evidence with another request: its answers remain undecided until it closes', async () => {
    const { ends, client, held } = await pipelined({ closeMs: NEVER, resetMs: NEVER });
    for (const response of held) response.end('yes');
    await expect.poll(() => held.every(({ closed }) => closed)).toBe(true);
    client.write(requestText());
    await once(client, 'data');
    expect(ends).toEqual([]);
    client.resetAndDestroy();
    await becomes(ends, ['UNANSWERED', 'UNANSWERED']);
  });

  test.each([[[]], [[1]]])(
    'has all of its requests unanswered if its connection breaks before the first answer, including those answered out of order (%j)',
    async (outOfTurn) => {
      const { ends, client, held } = await pipelined({ closeMs: NEVER, resetMs: NEVER });
      for (const index of outOfTurn) held[index]!.end('yes');
      client.resetAndDestroy();
      await becomes(ends, ['UNANSWERED', 'UNANSWERED']);
    },
  );

  test('ends its other request with its FIN, and the answer before it is in doubt', async () => {
    const { ends, client, held } = await pipelined({ closeMs: NEVER, resetMs: NEVER });
    held[0]!.end('yes');
    await once(client, 'data');
    client.end();
    await expect.poll(() => ends.toSorted()).toEqual(['DOUBTFUL', 'UNANSWERED', 'closing']);
  });

  test('has read all of its answers if it kept the connection open', async () => {
    const { ends, held } = await pipelined({ closeMs: 20, resetMs: 40 });
    for (const response of held) response.end('yes');
    await becomes(ends, ['ANSWERED', 'ANSWERED']);
  });
});

test(
  'a connection whose client vanished is detected by TCP keep-alive',
  { skip: process.platform !== 'linux' },
  async () => {
    const { ask, port } = await startAnswering();
    let held: ServerResponse | undefined;
    const client = await ask((response) => void (held = response));
    await expect.poll(() => held).toBeDefined();
    const hex = (value: number): string => value.toString(16).toUpperCase().padStart(4, '0');
    const table = readFileSync('/proc/self/net/tcp', 'utf8');
    const [, , , , , timer] = table
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .find(([, local, remote]) => local?.endsWith(`:${hex(port)}`) && remote?.endsWith(`:${hex(client.localPort!)}`))!;
    // Kind 2 is the keep-alive timer. The rest is the time until it fires, in hundredths of a second.
    expect(timer!.split(':')[0]).toBe('02');
    expect(Number.parseInt(timer!.split(':')[1]!, 16)).toBeLessThanOrEqual(3_000);
  },
);
