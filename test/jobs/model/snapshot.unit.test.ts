import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cut, decodeCursor, encodeCursor, extend, sees, type Snapshot } from '../../../src/jobs/model/snapshot.ts';

const history = fc.stringMatching(/^[0-9a-zA-Z.-]{1,60}$/);

/** Generates snapshots with up to `most` transactions in progress, far apart or close together. */
const snapshot = (most: number, max = 2n ** 64n - 1n): fc.Arbitrary<Snapshot> =>
  fc
    .record({
      xmax: fc.bigInt(0n, max),
      distances: fc.uniqueArray(fc.oneof(fc.bigInt(1n, 2n * BigInt(most)), fc.bigInt(1n, max)), { maxLength: most }),
    })
    .map(({ xmax, distances }) => ({
      xmax,
      inProgress: distances
        .map((distance) => xmax - distance)
        .filter((xid) => xid >= 0n)
        .sort((a, b) => (a < b ? -1 : 1)),
    }));

const someXid = fc.bigInt(0n, 60n);
const small = snapshot(20, 50n);

describe('a cursor', () => {
  test('decodes to the history and snapshot that it was encoded from', () => {
    fc.assert(
      fc.property(
        history,
        snapshot(100),
        (name, seen) => void expect(decodeCursor(encodeCursor(name, seen))).toEqual({ history: name, snapshot: seen }),
      ),
    );
  });

  test('with too many transactions in progress lists the oldest 100 and claims to have seen less, never more', () => {
    fc.assert(
      fc.property(snapshot(300), (seen) => {
        const decoded = decodeCursor(encodeCursor('h', seen))!.snapshot;
        expect(decoded.inProgress).toEqual(seen.inProgress.slice(0, 100));
        for (const xid of [...seen.inProgress, ...decoded.inProgress, decoded.xmax])
          expect(sees(decoded, xid) && !sees(seen, xid)).toBe(false);
      }),
    );
  });

  test('never exceeds the length that is accepted', () => {
    const inProgress = Array.from({ length: 5_000 }, (_, index) => BigInt(index));
    const cursor = encodeCursor('18446744073709551615.FFFFFFFF.4294967295.4294967295', {
      xmax: 2n ** 64n - 1n,
      inProgress,
    });
    expect(cursor.length).toBeLessThanOrEqual(4_096);
    expect(decodeCursor(cursor)).not.toBeNull();
  });

  test('that was never issued decodes to null', () => {
    fc.assert(fc.property(fc.string(), (text) => void expect(decodeCursor(text)).toBeNull()));
    fc.assert(
      fc.property(fc.string(), (text) => void expect(decodeCursor(Buffer.from(text).toString('base64url'))).toBeNull()),
    );
    const good = encodeCursor('h', { xmax: 10n, inProgress: [3n, 5n] });
    const plain = Buffer.from(good, 'base64url').toString();
    expect(plain).toBe('1 h 10 7,5');
    const broken = [
      '1 h 10 5,7',
      '1 h 10 5,5',
      '1 h 10 0',
      '1 h 10 11',
      '1 h 10 7,',
      '1 h 010 7',
      '2 h 10 7',
      '1 h  7',
      '1 h -1 ',
      '1 h 10',
      '1 h h 10 7',
      '1 h 18446744073709551616 ',
      '1 h 10 7\n',
      ` ${plain}`,
    ];
    expect(broken.filter((text) => decodeCursor(Buffer.from(text).toString('base64url')))).toEqual([]);
    expect([`${good}=`, `${good} `, `${good}\n`, ''].filter((text) => decodeCursor(text))).toEqual([]);
    expect(decodeCursor('A'.repeat(10_000_000))).toBeNull();
  });
});

describe('a snapshot', () => {
  test('that is cut sees exactly what it saw below the cut', () => {
    fc.assert(
      fc.property(
        small,
        someXid,
        someXid,
        (seen, end, xid) => void expect(sees(cut(seen, end), xid)).toBe(xid < end && sees(seen, xid)),
      ),
    );
  });

  test('that is extended up to a transaction sees no more than it saw before plus what the later one sees below that transaction', () => {
    fc.assert(
      fc.property(small, small, someXid, someXid, (before, later, end, xid) => {
        const extended = sees(extend(before, later, end), xid);
        if (extended) expect(sees(before, xid) || (xid < end && sees(later, xid))).toBe(true);
      }),
    );
  });

  test('that is extended by a later one of the same server sees exactly the union of both', () => {
    // A later snapshot: its end is not lower, and some of the transactions in progress have ended.
    const both = fc
      .tuple(small, fc.bigInt(0n, 10n), fc.func(fc.boolean()), fc.uniqueArray(fc.bigInt(0n, 9n)))
      .map(([before, more, hasEnded, begun]) => {
        const xmax = before.xmax + more;
        const young = begun
          .map((distance) => before.xmax + distance)
          .filter((xid) => xid < xmax)
          .sort((a, b) => (a < b ? -1 : 1));
        return {
          before,
          later: { xmax, inProgress: [...before.inProgress.filter((xid) => !hasEnded(xid)), ...young] },
        };
      });
    fc.assert(
      fc.property(both, someXid, someXid, ({ before, later }, end, xid) => {
        expect(sees(extend(before, later, end), xid)).toBe(sees(before, xid) || (xid < end && sees(later, xid)));
      }),
    );
  });
});
