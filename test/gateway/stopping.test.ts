/** A stop: readiness while the gateway drains, and database connections afterwards. */
import { expect, test } from 'vitest';
import { asAdministrator } from '../support/database.ts';
import { startGateway } from '../support/gateway.ts';
import { openSocket } from '../support/socket.ts';

test('a stop reports that the gateway is draining before its sockets are closed', async () => {
  const gateway = await startGateway();
  const silent = await openSocket(gateway);
  // The client does not answer the close, and the gateway waits for that answer.
  silent.socket.pause();
  const stopping = gateway.stop();
  const ready = await fetch(`${gateway.url}/readyz`);
  expect([ready.status, await ready.json()]).toEqual([503, expect.objectContaining({ status: 'draining' })]);
  await stopping;
});

test('a stop leaves no connection to the database open', async () => {
  const gateway = await startGateway();
  const { id } = await gateway.client.generate();
  await gateway.client.untilEnd(id);
  const database = new URL(gateway.databaseUrl).pathname.slice(1);
  const connections = async () =>
    (
      await asAdministrator<{ name: string }>(
        `select application_name as name from pg_stat_activity where datname = '${database}'`,
      )
    )
      .map(({ name }) => name)
      .sort();
  // Each of the two pools has connections of its own; the feed has one.
  const before = await connections();
  expect(before).toContain('motion-gateway feed');
  expect(before.filter((name) => name === 'motion-gateway').length).toBeGreaterThanOrEqual(2);
  await gateway.client.stop();
  await gateway.stop();
  // The server notices a closed connection a moment later; a pool would keep its idle connections for 10 s.
  await expect.poll(connections, { timeout: 5_000 }).toEqual([]);
});
