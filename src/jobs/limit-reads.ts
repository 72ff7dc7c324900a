import type { ChangeReader } from './snapshot.ts';

/** The same reader, which is asked at most `limit` things at once; the others wait in line. */
export function limitReads(reader: ChangeReader, limit: number): ChangeReader {
  const line: (() => void)[] = [];
  let busy = 0;
  const inTurn = async <T>(read: () => Promise<T>): Promise<T> => {
    if (busy >= limit) await new Promise<void>((resolve) => line.push(resolve));
    else busy += 1;
    try {
      return await read();
    } finally {
      const next = line.shift();
      if (next) next();
      else busy -= 1;
    }
  };
  return {
    findMoment: (accountId) => inTurn(() => reader.findMoment(accountId)),
    listChanges: (...args) => inTurn(() => reader.listChanges(...args)),
  };
}
