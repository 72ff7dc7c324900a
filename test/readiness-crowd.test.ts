/** Readiness under a crowd: anybody may ask. */
import { expect, test } from 'vitest';
import { asAdministrator } from './support/database.ts';
import { startGateway } from './support/gateway.ts';
import { holdQueries } from './support/hold.ts';

test('a crowd that asks for readiness takes one connection to the database, and clients have the others', async () => {
  const gateway = await startGateway();
  const held = await holdQueries(gateway.databaseUrl, 'gates');
  const crowd = Array.from({ length: 50 }, () => fetch(`${gateway.url}/readyz`).then(({ status }) => status));
  await held.waits();
  expect((await gateway.client.request('{ viewer { account { id } } }')).status).toBe(200);
  const waiting = await asAdministrator<{ count: number }>(`select count(*)::int from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%from "gates"%' and query not like '%for update%'`, gateway.databaseUrl);
  expect(waiting).toEqual([{ count: 1 }]);
  await held.release();
  expect(new Set(await Promise.all(crowd))).toEqual(new Set([200]));
});
