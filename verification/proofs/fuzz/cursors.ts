/**
 * Cursors of job lists, of timelines and of followed accounts. A cursor that the gateway made decodes to the position
 * it was made from. No other string is accepted.
 */
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { createListJobs, encodeCursor as encodeListCursor, updatesCursorOf } from '../../../src/jobs/read/list-jobs.ts';
import type { ListPosition } from '../../../src/jobs/ports/job-reader.ts';
import {
  decodeCursor as decodeUpdatesCursor,
  encodeCursor as encodeUpdatesCursor,
  type Snapshot,
} from '../../../src/jobs/model/snapshot.ts';
import { createEventNames } from '../../../src/jobs/model/event-names.ts';
import { createListTimeline } from '../../../src/jobs/read/list-events.ts';
import type { Target } from './target.ts';
import { anyText, mutated } from './texts.ts';
import { InvalidArgumentError } from '../../../src/errors.ts';

type Kind = 'list' | 'timeline' | 'updates';
interface Given {
  readonly kind: Kind;
  readonly cursor: string;
  /** The position that the cursor was made from; undefined if the gateway did not make it. */
  readonly made?: unknown;
}

const BAD = Symbol('refused');
const names = createEventNames(['a secret', 'the one before']);

/** Resolves with the position that the store would be asked for, or with `BAD`. */
async function positionOf(kind: Kind, cursor: string): Promise<unknown> {
  let asked: unknown = null;
  try {
    if (kind === 'updates') return decodeUpdatesCursor(cursor) ?? BAD;
    if (kind === 'list')
      await createListJobs({
        list: async (_account: string, _filter: unknown, after: unknown) => ((asked = after), []),
      } as unknown as Parameters<typeof createListJobs>[0])('a', { first: 1, after: cursor, filter: {} });
    else
      await createListTimeline(async ({ afterId }) => ((asked = afterId), []), names)('a', 'j', {
        first: 1,
        after: cursor,
      });
    return kind === 'list' && asked !== null
      ? { ...(asked as ListPosition), updatesCursor: updatesCursorOf(cursor) }
      : asked;
  } catch (error) {
    if (error instanceof InvalidArgumentError) return BAD;
    throw error;
  }
}

function encode(kind: Kind, position: unknown): string {
  if (kind === 'list')
    return encodeListCursor(position as ListPosition, (position as { updatesCursor: string | null }).updatesCursor);
  if (kind === 'timeline') return names.nameOf(position as number);
  const { history, snapshot } = position as { history: string; snapshot: Snapshot };
  return encodeUpdatesCursor(history, snapshot);
}

const YEAR_1_MS = -62_135_596_800_000;
const YEAR_10000_MS = 253_402_300_800_000;
const timeline = fc.integer({ min: 1, max: 999_999_999_999_999 });
const MAX_XID = 2n ** 64n - 1n;
const updates = fc
  .record({
    history: fc.constantFrom('7460000000000000000.1', 'h', '0.FF.1.2', 'a-b'),
    xmax: fc.oneof(fc.bigInt(0n, MAX_XID), fc.constantFrom(0n, 1n, MAX_XID)),
    distances: fc.uniqueArray(fc.oneof(fc.bigInt(1n, 200n), fc.bigInt(1n, MAX_XID)), { maxLength: 12 }),
  })
  .map(({ history, xmax, distances }) => ({
    history,
    snapshot: {
      xmax,
      inProgress: distances
        .map((distance) => xmax - distance)
        .filter((xid) => xid >= 0n)
        .sort((a, b) => (a < b ? -1 : 1)),
    },
  }));

const list = fc.record(
  {
    createdAt: fc
      .oneof(fc.integer({ min: YEAR_1_MS, max: YEAR_10000_MS - 1 }), fc.constantFrom(YEAR_1_MS, YEAR_10000_MS - 1, 0))
      .map((ms) => new Date(ms)),
    id: fc.uuid(),
    updatesCursor: fc.option(updates.map(({ history, snapshot }) => encodeUpdatesCursor(history, snapshot))),
  },
  { noNullPrototype: true },
);
const made: fc.Arbitrary<Given> = fc.oneof(
  ...(
    [
      ['list', list],
      ['timeline', timeline],
      ['updates', updates],
    ] as const
  ).map(([kind, positions]) =>
    (positions as fc.Arbitrary<unknown>).map((position): Given => ({
      kind,
      cursor: encode(kind, position),
      made: position,
    })),
  ),
);
const kinds = fc.constantFrom<Kind>('list', 'timeline', 'updates');
const base64 = (text: string): string => Buffer.from(text).toString('base64url');
/** The content of a cursor, corrupted and encoded as base64 again. */
const spoiltInside = fc
  .tuple(made, kinds)
  .chain(([{ cursor, kind }, otherKind]) =>
    fc.tuple(
      fc.constantFrom(kind, kind, kind, otherKind),
      mutated(fc.constant(Buffer.from(cursor, 'base64url').toString())),
    ),
  )
  .map(([kind, text]): Given => ({ kind, cursor: base64(text) }));
const spoilt = made.chain(({ kind, cursor }) =>
  mutated(fc.constant(cursor)).map((text): Given => ({ kind, cursor: text })),
);
const otherwise = fc
  .tuple(kinds, fc.oneof(anyText, anyText.map(base64)))
  .map(([kind, cursor]): Given => ({ kind, cursor }));

export const cursors: Target<Given, unknown> = {
  name: 'cursors',
  inputs: fc.oneof(
    { weight: 3, arbitrary: made },
    { weight: 3, arbitrary: spoiltInside },
    { weight: 2, arbitrary: spoilt },
    { weight: 2, arbitrary: otherwise },
  ),
  run: ({ kind, cursor }) => positionOf(kind, cursor),
  judge({ kind, cursor, made: position }, found) {
    if (position !== undefined)
      return isDeepStrictEqual(found, position) ? null : 'a cursor of ours does not say what it was made of';
    // An empty cursor stands for the first page of a list or timeline.
    if (found === BAD || (cursor === '' && kind !== 'updates')) return null;
    return encode(kind, found) === cursor ? null : 'a cursor was accepted that we cannot have made';
  },
  kindOf: (found) => (found === BAD ? 'refused' : 'accepted'),
};
