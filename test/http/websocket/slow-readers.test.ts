import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startFakeUpstream } from '../../support/fake-upstream.ts';
import { startGateway } from '../../support/gateway.ts';
import { openSocket, subscribe, WATCH, type OpenSocket } from '../../support/socket.ts';

/** Limits that no test exceeds. Each test lowers the one that it tests. */
const PATIENT = {
  SOCKET_INIT_SECONDS: '60',
  MAX_BUFFERED_BYTES: '67108864',
  MAX_UNSENT_SECONDS: '60',
  SOCKET_PING_SECONDS: '60',
};

async function startWatched(overrides: Record<string, string>) {
  const upstream = await startFakeUpstream();
  const gateway = await startGateway({ ...upstream.settings, ...PATIENT, ...overrides });
  const { id } = await gateway.client.generate();
  const ends = () =>
    gateway.logs
      .filter(({ msg }) => /^a socket (reads too slowly|does not answer)/.test(String(msg)))
      .map(({ level, code, reason }) => ({ level, code, reason }));
  return { ...gateway, id, ends };
}

const MESSAGES = 150;
const TEXT = 'x'.repeat(60_000);

/** Requests 9 MB of responses. The kernel buffers about 4 MB for a peer that does not read. */
function ask({ send }: OpenSocket): void {
  for (let index = 0; index < MESSAGES; index += 1) send({ type: 'ping', payload: { text: TEXT } });
}

const WARN = 40;
const INFO = 30;

describe('a reader that stops reading', () => {
  test.each([
    ['after its oldest message has waited too long', 'UNSENT', { MAX_UNSENT_SECONDS: '0.5' }],
    ['when too much waits', 'BUFFERED', { MAX_BUFFERED_BYTES: '1000000' }],
    ['when it does not answer a ping while something waits', 'NO_PONG', { SOCKET_PING_SECONDS: '3' }],
  ])('is closed with 1013 %s, logged once and completely released', async (_name, reason, overrides) => {
    const gateway = await startWatched(overrides);
    const reader = await openSocket(gateway);
    reader.send(subscribe('1', WATCH, { id: gateway.id, after: 1000 }));
    await expect.poll(() => gateway.live.watchers()).toBe(1);
    reader.socket.pause();
    ask(reader);
    await expect.poll(gateway.ends).toEqual([{ level: WARN, code: 1013, reason }]);
    // Its watchers end when the decision is made, not when the connection closes, and new subscriptions do not start.
    expect(gateway.live.watchers()).toBe(0);
    reader.send(subscribe('2', WATCH, { id: gateway.id, after: 1000 }));
    await expect.poll(() => gateway.live.sockets()).toBe(0);
    expect([gateway.live.closes(), gateway.live.watchers()]).toEqual([{ 1013: 1 }, 0]);
    expect(gateway.ends()).toHaveLength(1);
    expect(gateway.logs.filter(({ level }) => Number(level) > WARN)).toEqual([]);
  });

  test('receives the 1013 after the waiting messages if it resumes reading at once', async () => {
    const gateway = await startWatched({ MAX_UNSENT_SECONDS: '0.5' });
    const reader = await openSocket(gateway);
    const received: string[] = [];
    reader.socket.on('message', (data: Buffer) => received.push(data.subarray(0, 14).toString()));
    reader.socket.pause();
    ask(reader);
    await expect.poll(gateway.ends).toHaveLength(1);
    reader.socket.resume();
    expect(await reader.closed).toBe(1013);
    // Everything that was answered by then, in order. Later requests were not answered.
    expect(new Set(received)).toEqual(new Set(['{"type":"pong"']));
  });

  test('is dropped with all of its waiting data, including that in the kernel, if it does not resume at once', async () => {
    const gateway = await startWatched({ MAX_UNSENT_SECONDS: '0.5' });
    const reader = await openSocket(gateway);
    let received = 0;
    reader.socket.on('message', () => (received += 1));
    reader.socket.pause();
    ask(reader);
    await expect.poll(() => gateway.live.closes()).toEqual({ 1013: 1 });
    reader.socket.resume();
    expect(await reader.closed).toBe(1006);
    // Only what the client's own kernel had received. The gateway's 4 MB would be about 60 messages.
    expect(received).toBeLessThan(30);
  });

  test('and resumes in time is not closed, then or later, and receives everything', async () => {
    const gateway = await startWatched({ MAX_UNSENT_SECONDS: '10', SOCKET_PING_SECONDS: '3' });
    const reader = await openSocket(gateway);
    let pings = 0;
    reader.socket.on('ping', () => (pings += 1));
    reader.socket.pause();
    ask(reader);
    // A round trip on another socket, so that the gateway has begun to process the messages.
    const other = await openSocket(gateway);
    reader.socket.resume();
    for (let index = 0; index < MESSAGES; index += 1) expect(await reader.next()).toMatchObject({ type: 'pong' });
    const pingsBefore = pings;
    // Longer than both limits, counted from the time at which it resumed.
    await expect.poll(() => pings - pingsBefore, { timeout: 40_000 }).toBeGreaterThan(3);
    expect(gateway.ends()).toEqual([]);
    expect([reader.socket.readyState, other.socket.readyState]).toEqual([1, 1]);
  });
});

describe('a peer', () => {
  test('that does not answer a ping is disconnected even if no data waits for it, and one that answers is not', async () => {
    const gateway = await startWatched({ SOCKET_PING_SECONDS: '0.3' });
    const [silent, answering] = [await openSocket(gateway, { autoPong: false }), await openSocket(gateway)];
    let pings = 0;
    answering.socket.on('ping', () => (pings += 1));
    expect(await silent.closed).toBe(1006);
    expect(gateway.ends()).toEqual([{ level: INFO, code: 1006, reason: 'NO_PONG' }]);
    await expect.poll(() => pings).toBeGreaterThan(4);
    expect([answering.socket.readyState, gateway.live.sockets()]).toEqual([answering.socket.OPEN, 1]);
  });

  test('is not disconnected if this process was blocked and has not read its pong yet', async () => {
    const gateway = await startWatched({ SOCKET_PING_SECONDS: '0.2' });
    const peer = await startPeerElsewhere(gateway.url);
    await expect.poll(() => gateway.live.sockets()).toBe(1);
    // Each time the timers run, the next ping is due, and the pong for the last one has not been read.
    for (let hold = 0; hold < 8; hold += 1) await new Promise((resolve) => setImmediate(() => resolve(holdUp(250))));
    await peer.nextPing();
    expect(gateway.ends()).toEqual([]);
    expect(gateway.live.sockets()).toBe(1);
  });
});

const holdUp = (ms: number): void => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);

/** Starts a peer in another thread, which continues while this thread is blocked. */
async function startPeerElsewhere(url: string) {
  const worker = new Worker(
    `const { parentPort, workerData } = require('node:worker_threads');
     const { WebSocket } = require('ws');
     const socket = new WebSocket(workerData, 'graphql-transport-ws');
     socket.on('error', () => undefined);
     socket.on('ping', () => parentPort.postMessage('ping'));`,
    { eval: true, workerData: `${url.replace('http', 'ws')}/graphql` },
  );
  onTestFinished(async () => void (await worker.terminate()));
  return { nextPing: () => once(worker, 'message') };
}
