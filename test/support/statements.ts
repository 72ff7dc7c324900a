/** Counts the statements that this process sends to PostgreSQL. */
import pg from 'pg';
import { vi } from 'vitest';
import { onEnd } from './on-end.ts';

/** Counts subsequent statements whose text contains `part`, until the test ends. */
export function countStatements(part: string): () => number {
  const query = vi.spyOn(pg.Client.prototype, 'query');
  onEnd(() => query.mockRestore());
  const textOf = (asked: unknown) =>
    typeof asked === 'string' ? asked : String((asked as { readonly text?: unknown }).text);
  return () => query.mock.calls.filter(([asked]) => textOf(asked).includes(part)).length;
}
