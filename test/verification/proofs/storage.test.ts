/** Runs `npm run prove:orders` and `npm run prove:durability` at about a hundredth of their size. */
import { expect, test } from 'vitest';
import { proveDurability } from '../../../verification/proofs/durability/durability.ts';
import { proveOrdersOnPostgres, proveOrdersPurely } from '../../../verification/proofs/orders/orders.ts';
import { mostAtOnce, spreadOf } from '../../../verification/proofs/proof.ts';
import { createDatabase } from '../../support/database.ts';

const quiet = { seed: 'test', log: () => undefined };

test('the rules hold for all events of a job, in any order and with any repetition', () => {
  expect(proveOrdersPurely({ ...quiet, size: 1_000 }).violations).toEqual([]);
});

test('every history ends on PostgreSQL as the rules require', { timeout: 60_000 }, async () => {
  expect((await proveOrdersOnPostgres({ ...quiet, size: 60 }, await createDatabase())).violations).toEqual([]);
});

test('a kill of all PostgreSQL processes loses nothing that was acknowledged', { timeout: 120_000 }, async () => {
  // The time until PostgreSQL accepts writes again depends on the load of the machine; the full proof measures it.
  const { figures } = await proveDurability({ ...quiet, size: 1 });
  expect(figures).toMatchObject({ kills: 1, acknowledgedButMissing: 0 });
});

test('percentiles use the nearest rank, and an interval that ends when another begins does not overlap it', () => {
  expect(spreadOf([4, 1, 3, 2])).toEqual({ p50: 2, p90: 4, p99: 4, max: 4 });
  expect(spreadOf([])).toEqual({ p50: 0, p90: 0, p99: 0, max: 0 });
  expect(
    mostAtOnce([
      { from: 0, to: 2 },
      { from: 2, to: 3 },
      { from: 1, to: 3 },
      { from: 5, to: Infinity },
    ]),
  ).toBe(2);
});
