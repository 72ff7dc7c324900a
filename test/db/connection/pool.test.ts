/** The connection pool with many concurrent callers. */
import { setTimeout } from 'node:timers/promises';
import { inject, expect, onTestFinished, test } from 'vitest';
import { closePool, createConnections, withPatience } from '../../../src/db/connection/client.ts';
import { PatientPool } from '../../../src/db/connection/pool.ts';
import { startProxy } from '../../support/proxy.ts';

test('the pool survives 20,000 callers that have timed out, and serves the callers after them', async () => {
  const pool = new PatientPool(
    { connectionString: inject('serverUrl'), max: 1 },
    { waitMs: 1_000, handshakeMs: 5_000 },
  );
  onTestFinished(() => pool.end());
  const held = await pool.connect();
  const crowd = await Promise.allSettled(Array.from({ length: 20_000 }, () => pool.connect()));
  expect(crowd.filter(({ status }) => status === 'fulfilled')).toEqual([]);
  held.release();
  await expect
    .poll(async () => (await pool.query<{ one: number }>('select 1 as one').catch(() => null))?.rows)
    .toEqual([{ one: 1 }]);
  expect(pool.takeLongestWaitMs()).toBeGreaterThan(0);
});

test('the pool lets each caller set its own time limit, and serves waiting callers in order of arrival', async () => {
  const pool = new PatientPool({ connectionString: inject('serverUrl'), max: 1 }, { waitMs: 50, handshakeMs: 5_000 });
  onTestFinished(() => pool.end());
  const held = await pool.connectWithin({ waitMs: 60_000, stallMs: 60_000 });
  const served: string[] = [];
  const wait = (name: string) =>
    pool.connectWithin({ waitMs: 60_000, stallMs: 60_000 }).then((client) => (served.push(name), client.release()));
  const patient = ['a', 'b', 'c'].map(wait);
  await expect(pool.connect()).rejects.toThrow('timeout exceeded when trying to connect');
  await expect(pool.query('select 1')).rejects.toThrow('timeout exceeded when trying to connect');
  expect(served).toEqual([]);
  expect(pool.takeLongestWaitMs()).toBeGreaterThanOrEqual(50);
  held.release();
  await Promise.all(patient);
  expect(served).toEqual(['a', 'b', 'c']);
  expect(pool.takeLongestWaitMs()).toBeGreaterThanOrEqual(50);
  expect(pool.takeLongestWaitMs()).toBe(0);
});

test('a view of the pool with its own limit shares its connections', async () => {
  const connections = createConnections(inject('serverUrl'), 1, () => undefined);
  onTestFinished(() => closePool(connections));
  const impatient = withPatience({ waitMs: 20, stallMs: 20 }, connections);
  const patient = withPatience({ waitMs: 60_000, stallMs: 60_000 }, connections);
  const held = await patient.pool.connect();
  await expect(impatient.db.execute('select 1')).rejects.toThrow();
  const waiting = patient.db.execute<{ one: number }>('select 1 as one');
  await expect(impatient.pool.connect()).rejects.toThrow('timeout exceeded when trying to connect');
  held.release();
  expect((await waiting).rows).toEqual([{ one: 1 }]);
  expect(connections.pool.totalCount).toBe(1);
});

test('the pool rejects all waiting callers when it ends', async () => {
  const pool = new PatientPool(
    { connectionString: inject('serverUrl'), max: 1 },
    { waitMs: 60_000, handshakeMs: 5_000 },
  );
  const held = await pool.connect();
  const crowd = Promise.allSettled(Array.from({ length: 20_000 }, () => pool.connect()));
  const ended = pool.end();
  held.release();
  expect((await crowd).filter(({ status }) => status === 'fulfilled')).toEqual([]);
  await ended;
});

test('a patient caller waits as long as the pool hands out connections, and gives up soon when it stalls', async () => {
  const pool = new PatientPool(
    { connectionString: inject('serverUrl'), max: 1 },
    { waitMs: 60_000, handshakeMs: 5_000 },
  );
  onTestFinished(() => pool.end());
  const patience = { waitMs: 60_000, stallMs: 1_500 };
  const from = performance.now();
  const use = async () => {
    const client = await pool.connectWithin(patience);
    await setTimeout(100);
    client.release();
  };
  await Promise.all(Array.from({ length: 20 }, use));
  expect(performance.now() - from).toBeGreaterThan(patience.stallMs);
  const held = await pool.connect();
  await expect(pool.connectWithin(patience)).rejects.toThrow('timeout exceeded when trying to connect');
  expect(performance.now() - from).toBeLessThan(patience.waitMs);
  held.release();
});

test('a caller that waits when a connection breaks keeps waiting through handshakes that time out', async () => {
  const proxy = await startProxy(inject('serverUrl'));
  const pool = new PatientPool({ connectionString: proxy.url, max: 1 }, { waitMs: 60_000, handshakeMs: 300 });
  pool.on('error', () => undefined);
  onTestFinished(() => pool.end());
  const held = await pool.connect();
  const waiting = pool.connect();
  // Several handshakes time out before one succeeds.
  const silencing = setInterval(() => proxy.silenceOpen(), 1);
  held.release(new Error('broken'));
  expect(
    await Promise.race([waiting.catch(String), setTimeout(1_000, 'waits')]).finally(() => clearInterval(silencing)),
  ).toBe('waits');
  const client = await waiting;
  expect((await client.query<{ one: number }>('select 1 as one')).rows).toEqual([{ one: 1 }]);
  client.release();
});
