/** Durations in SQL. All deadlines are measured by the database's clock. */
import { sql, type Placeholder, type SQL } from 'drizzle-orm';

export const ms = (value: number | Placeholder): SQL => sql`${value} * interval '1 millisecond'`;

/** Returns an instant relative to `now()`, the start of the transaction. After waiting for a lock, use `clockInMs`. */
export const inMs = (value: number | Placeholder): SQL => sql`now() + ${ms(value)}`;
export const clockInMs = (value: number): SQL => sql`clock_timestamp() + ${ms(value)}`;

export const clockMsUntil = (instant: SQL): SQL<number> =>
  sql<number>`greatest(0, extract(epoch from ${instant} - clock_timestamp()) * 1000)::float8`;
export const msUntil = (instant: SQL): SQL<number> =>
  sql<number>`greatest(0, extract(epoch from ${instant} - now()) * 1000)::float8`;
