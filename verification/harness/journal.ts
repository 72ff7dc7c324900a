/**
 * Append-only logs of JSON lines. A line is with the operating system before `append` returns, so a killed process
 * loses none.
 */
import { closeSync, existsSync, openSync, readFileSync, writeSync } from 'node:fs';

export interface Journal<T extends object> {
  /** Adds the time, ms since the epoch, as `at`. */
  append(record: T): void;
  close(): void;
}

/** A record as it is read back. */
export type Entry<T> = T & { readonly at: number };

export function openJournal<T extends object>(file: string): Journal<T> {
  const descriptor = openSync(file, 'a');
  return {
    append: (record) => void writeSync(descriptor, `${JSON.stringify({ at: Date.now(), ...record })}\n`),
    close: () => closeSync(descriptor),
  };
}

/** All lines so far; one that is not complete yet, or was cut short by a kill, is passed over. */
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
