/**
 * What of an account's jobs somebody has seen, told by transactions. A sequence cannot tell it, because transactions
 * commit in another order than they begin; a snapshot can: it knows which were still in progress.
 */

/** Everything of the transactions below `xmax` is seen, but of those in progress. Ids are 64 bits and never wrap. */
export interface Snapshot {
  readonly xmax: bigint;
  /** All below `xmax`, ascending. */
  readonly inProgress: readonly bigint[];
}

export const sees = ({ xmax, inProgress }: Snapshot, xid: bigint): boolean => xid < xmax && !inProgress.includes(xid);

/** The same, but nothing from `xid` on counts as seen. */
export const cut = ({ xmax, inProgress }: Snapshot, xid: bigint): Snapshot =>
  xid < xmax ? { xmax: xid, inProgress: inProgress.filter((other) => other < xid) } : { xmax, inProgress };

/**
 * What `before` sees, and of what `later` sees everything below `xid`. Complete always; exact when `later` sees all
 * that `before` does.
 */
export const extend = (before: Snapshot, later: Snapshot, xid: bigint): Snapshot =>
  xid > before.xmax
    ? cut(later, xid)
    : { xmax: before.xmax, inProgress: before.inProgress.filter((other) => other >= xid || !sees(later, other)) };

/** A place in what has changed, in the order of transaction and id. */
export interface ChangePosition {
  readonly xid: bigint;
  readonly jobId: string;
}

/** What a client would see at one moment. */
export interface Moment {
  /**
   * Which line of transactions the ids belong to, without spaces: another database, a restored one or one that took
   * over from a failed one has another. Ids of different histories say nothing about each other.
   */
  readonly history: string;
  readonly snapshot: Snapshot;
}

/**
 * Transactions in progress that a cursor names; what comes after them counts as not seen, which repeats and misses
 * nothing.
 */
const MAX_IN_PROGRESS = 100;
const MAX_CURSOR_LENGTH = 4_096;
const FORMAT = '1';
const MAX_XID = 2n ** 64n - 1n;

/** Opaque to clients; at most 4,096 characters. */
export function encodeCursor(history: string, snapshot: Snapshot): string {
  const tooMany = snapshot.inProgress[MAX_IN_PROGRESS];
  const { xmax, inProgress } = tooMany === undefined ? snapshot : cut(snapshot, tooMany);
  // Distances are shorter than ids.
  return Buffer.from([FORMAT, history, xmax, inProgress.map((xid) => xmax - xid).join()].join(' ')).toString(
    'base64url',
  );
}

/** Null for what `encodeCursor` cannot have made. */
export function decodeCursor(cursor: string): { readonly history: string; readonly snapshot: Snapshot } | null {
  if (cursor.length > MAX_CURSOR_LENGTH) return null;
  const match = /^1 ([^ ]+) (\d{1,20}) ((?:\d{1,20}(?:,\d{1,20})*)?)$/.exec(
    Buffer.from(cursor, 'base64url').toString(),
  );
  if (!match) return null;
  const [, history = '', end = '', distances = ''] = match;
  const xmax = BigInt(end);
  const inProgress = distances === '' ? [] : distances.split(',').map((distance) => xmax - BigInt(distance));
  const isAscending = inProgress.every((xid, index) => xid >= 0n && xid < (inProgress[index + 1] ?? xmax));
  if (xmax > MAX_XID || !isAscending || inProgress.length > MAX_IN_PROGRESS) return null;
  const snapshot = { xmax, inProgress };
  // One spelling only: base64 takes many.
  return encodeCursor(history, snapshot) === cursor ? { history, snapshot } : null;
}
