/** Deleting by age, a batch at a time. */
import { sql, type Column, type SQL, type Table } from 'drizzle-orm';

/**
 * The batch first, in a part of its own: a subquery with a limit could be run again for each row, and would lock more
 * than the limit.
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
