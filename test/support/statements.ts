/** What this process sends to PostgreSQL. */
import pg from 'pg';
import { onTestFinished, vi } from 'vitest';

/** Counts from now on the statements that have `part` in their text, until the test ends. */
export function countStatements(part: string): () => number {
  const query = vi.spyOn(pg.Client.prototype, 'query');
  onTestFinished(() => query.mockRestore());
  const textOf = (asked: unknown) => (typeof asked === 'string' ? asked : String((asked as { readonly text?: unknown }).text));
  return () => query.mock.calls.filter(([asked]) => textOf(asked).includes(part)).length;
}
