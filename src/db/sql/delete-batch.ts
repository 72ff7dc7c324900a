/** Deletes rows by age, one batch at a time. */
import { sql, type Column, type SQL, type Table } from 'drizzle-orm';

/**
 * Builds a DELETE of up to `limit` rows older than `days`, the oldest first, which skips locked rows. It selects the
 * batch in a CTE: PostgreSQL may run a subquery with a limit again for each row, and would then lock more rows than the
 * limit.
 */
export const deletion = (
  table: Table,
  key: readonly Column[],
  age: Column | SQL,
  days: number,
  limit: number,
  condition: SQL = sql`true`,
): SQL => sql`
  with due as (
    select ${sql.join([...key], sql`, `)} from ${table}
    where ${age} < now() - ${days} * interval '24 hours' and ${condition}
    order by ${age} limit ${limit} for update skip locked
  )
  delete from ${table} using due
  where ${sql.join(
    key.map((column) => sql`${column} = due.${sql.identifier(column.name)}`),
    sql` and `,
  )}`;
