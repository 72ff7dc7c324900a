/**
 * Append-only logs of JSON lines. `append` passes a line to the operating system before it returns, so a killed process
 * loses none.
 */
import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs';

export interface Journal<T extends object> {
  /** Appends a record, with the time in ms since the epoch as `at`. */
  append(record: T): void;
  close(): void;
}

/** A record as it is read back, with its time. */
export type Entry<T> = T & { readonly at: number };

export function openJournal<T extends object>(file: string): Journal<T> {
  const descriptor = openSync(file, 'a');
  return {
    append: (record) => void writeSync(descriptor, `${JSON.stringify({ at: Date.now(), ...record })}\n`),
    close: () => closeSync(descriptor),
  };
}

/** Returns all lines so far. Skips a line that is incomplete or was cut short by a kill. */
export function readJournal<T extends object>(file: string): Entry<T>[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line) => {
      try {
        return [JSON.parse(line) as Entry<T>];
      } catch {
        return [];
      }
    });
}
