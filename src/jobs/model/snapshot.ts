/**
 * Snapshots: the transactions whose changes to an account's jobs a reader has seen. A sequence number cannot express
 * this, because transactions commit in a different order than they begin. A snapshot can, because it lists the
 * transactions that were still in progress.
 */

/** Every transaction below `xmax` counts as seen, except those in progress. Ids are 64 bits and never wrap. */
export interface Snapshot {
  readonly xmax: bigint;
  /** In ascending order, all below `xmax`. */
  readonly inProgress: readonly bigint[];
}

export const sees = ({ xmax, inProgress }: Snapshot, xid: bigint): boolean => xid < xmax && !inProgress.includes(xid);

/** Returns the same snapshot, except that nothing from `xid` on counts as seen. */
export const cut = ({ xmax, inProgress }: Snapshot, xid: bigint): Snapshot =>
  xid < xmax ? { xmax: xid, inProgress: inProgress.filter((other) => other < xid) } : { xmax, inProgress };

/**
 * Returns the union of what `before` sees and what `later` sees below `xid`. The result never misses a change, and is
 * exact if `later` sees everything that `before` sees.
 */
export const extend = (before: Snapshot, later: Snapshot, xid: bigint): Snapshot =>
  xid > before.xmax
    ? cut(later, xid)
    : { xmax: before.xmax, inProgress: before.inProgress.filter((other) => other >= xid || !sees(later, other)) };

/** A position in the sequence of changes, ordered by transaction and id. */
export interface ChangePosition {
  readonly xid: bigint;
  readonly jobId: string;
}

/** The view that a client would have at one moment. */
export interface Moment {
  /**
   * Identifier of the transaction history that the ids belong to, without spaces. A different database, a restored one,
   * and one that took over from a failed one each have a different history. Ids of different histories are not
   * comparable.
   */
  readonly history: string;
  readonly snapshot: Snapshot;
}

/**
 * Maximum number of transactions in progress that a cursor names. Everything after them counts as not seen, so changes
 * may be repeated but are never missed.
 */
const MAX_IN_PROGRESS = 100;
const MAX_CURSOR_LENGTH = 4_096;
const FORMAT = '1';
const MAX_XID = 2n ** 64n - 1n;

/** Returns a cursor that is opaque to clients and has at most 4,096 characters. */
export function encodeCursor(history: string, snapshot: Snapshot): string {
  const tooMany = snapshot.inProgress[MAX_IN_PROGRESS];
  const { xmax, inProgress } = tooMany === undefined ? snapshot : cut(snapshot, tooMany);
  // Distances from `xmax` are shorter than ids.
  return Buffer.from([FORMAT, history, xmax, inProgress.map((xid) => xmax - xid).join()].join(' ')).toString(
    'base64url',
  );
}

/** Decodes a cursor. Returns null for text that `encodeCursor` cannot have produced. */
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
  // Accepts only the canonical encoding; base64 has several for the same bytes.
  return encodeCursor(history, snapshot) === cursor ? { history, snapshot } : null;
}
