/** Random GraphQL documents as a hostile client would send them: each is excessive or wrong in some way. */
import type { Random } from '../../harness/random.ts';

/** The root fields that return a job. The selections below them are the same. */
const roots = { query: 'motionJob', subscription: 'jobUpdated' } as const;
type Root = keyof typeof roots;

export interface Request {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly operationName?: string;
}

export interface HostileDocument {
  readonly kind: string;
  /** Returns the document about a job, below either root field. */
  write(root: Root, jobId: string): Request;
}

/** The parts of an operation. All but the selection have a plain default. */
interface Parts {
  readonly selection: string;
  readonly name?: string;
  readonly variables?: string;
  readonly directives?: string;
  readonly after?: string;
  readonly values?: Readonly<Record<string, unknown>>;
  readonly operationName?: string;
}

const times = (count: number, part: (index: number) => string, separator = ' '): string =>
  Array.from({ length: count }, (_, index) => part(index)).join(separator);

/** Sizes around the limits, and far below and above them. */
const sizes = [1, 5, 14, 29, 31, 60, 100, 240, 400, 999, 2_000, 6_000];
const LONGEST = 50_000;

const leaves = ['id', 'version', 'state', 'mode', 'prompt', 'sandbox', 'createdAt', 'imageUrl', '__typename'];

type Draw = (random: Random) => Parts;

/** All kinds, and how a document of each kind is drawn. */
const kinds: Readonly<Record<string, Draw>> = {
  'nested inline fragments': (random) => nest(random.pick(sizes), '... on MotionJob { ', ' }', 'id'),
  'nested conditions': (random) => nest(random.pick(sizes), '... @include(if: true) { ', ' }', 'id'),
  'nested unknown fields': (random) => nest(random.pick(sizes), 'nothing { ', ' }', 'id'),
  'nested timelines': (random) => nest(random.pick(sizes), 'timeline { nodes { ', ' } }', 'id'),
  'nested lists in an argument': (random) => ({
    selection: `timeline(first: ${'['.repeat(random.pick(sizes))}1${']'.repeat(random.pick(sizes))}) { nodes { id } }`,
  }),
  'nested objects in an argument': (random) => ({
    selection: `timeline(after: ${'{a: '.repeat(random.pick(sizes))}1${'}'.repeat(random.pick(sizes))}) { nodes { id } }`,
  }),
  aliases: (random) => ({ selection: times(random.pick(sizes), (index) => `a${index}: ${random.pick(leaves)}`) }),
  'aliases of lists': (random) => ({
    selection: times(
      random.pick(sizes),
      (index) => `a${index}: timeline(first: ${random.pick([1, 100, 1_000_000])}) { nodes { at kind message } }`,
    ),
  }),
  directives: (random) => ({
    selection: `id ${times(random.pick(sizes), () => random.pick(['@include(if: true)', '@skip(if: false)', '@nothing', '@deprecated', '@include']))}`,
  }),
  'directives of the operation': (random) => ({
    selection: 'id',
    directives: times(random.pick(sizes), () => random.pick(['@nothing', '@include(if: true)'])),
  }),
  'repeated fields': (random) => ({
    selection: times(random.pick(sizes), () => random.pick(leaves.slice(0, random.integer(1, 3)))),
  }),
  'repeated fields at many paths': (random) => ({
    selection: times(
      random.integer(1, 31),
      (index) =>
        `a${index}: timeline(first: 1) { nodes { ${times(random.integer(1, 31), () => random.pick(['id', 'at']))} } }`,
    ),
  }),
  'fragments that expand to many paths': (random) => {
    const levels = random.pick(sizes.slice(0, 6));
    return {
      selection: '...F0',
      after:
        times(
          levels,
          (index) =>
            `fragment F${index} on MotionJob { timeline { nodes { id } edges { node { id } } } ...F${index + 1} }`,
        ) + ` fragment F${levels} on MotionJob { id }`,
    };
  },
  'lengths in variables': (random) => ({
    variables: `$n: Int${random.pick(['', ' = 1', ' = 200', ' = null', '!'])}, $on: Boolean = true`,
    values: {
      ...(random.chance(0.8) && {
        n: random.pick([0, 1, 10, 200, 1_000_000, 2 ** 31 - 1, 2 ** 31, -1, 1.5, '10', null]),
      }),
      ...(random.chance(0.3) && { on: random.pick([true, false, null]) }),
    },
    selection: 'id timeline(first: $n) @include(if: $on) { nodes { id at } }',
  }),
  'conflicting fields': (random) => ({ selection: times(random.pick(sizes), () => `a: ${random.pick(leaves)}`) }),
  'conflicting arguments': (random) => ({
    selection: times(random.pick(sizes), (index) => `timeline(first: ${index}) { nodes { id } }`),
  }),
  'nested conflicts': (random) => ({
    selection: times(
      random.pick(sizes),
      (index) =>
        `video { ${times(random.integer(1, 6), (deep) => `a: ${random.pick(['id', 'url'])} @skip(if: ${(index + deep) % 2 === 0})`)} }`,
    ),
  }),
  'fragments that expand exponentially': (random) => doubling(random.pick(sizes)),
  'circular fragments': (random) => circle(random.pick(sizes), random.integer(1, 4)),
  'fragments of other types': (random) => ({
    selection: times(
      random.pick(sizes),
      () =>
        `... on ${random.pick(['Query', 'Node', 'MotionVideo', 'Nothing', 'String', 'GenerateMotionInput', '__Schema'])} { id }`,
    ),
  }),
  'unused fragments': (random) => ({
    selection: 'id',
    after: times(random.pick(sizes), (index) => `fragment F${index} on MotionJob { id }`),
  }),
  'missing fragments': (random) => ({ selection: times(random.pick(sizes), (index) => `...F${index}`) }),
  'unknown fields': (random) => ({ selection: times(random.pick(sizes), (index) => `stat${index}`) }),
  'a long unknown field': (random) => ({ selection: 'x'.repeat(random.integer(1, LONGEST)) }),
  'a long name used often': (random) => {
    const length = random.integer(1, LONGEST);
    return {
      name: 'N'.repeat(length),
      selection: times(
        random.pick(sizes.slice(0, 8)),
        (index) => `a${index}: timeline(after: $v${index % 7}) { nodes { id } }`,
      ),
    };
  },
  'a long string': (random) => ({
    selection: `timeline(after: "${random.pick(['x', '\\"', '\\u0000', 'é', '\\n', '😀']).repeat(random.integer(1, 8_000))}") { nodes { id } }`,
  }),
  'a block string': (random) => ({
    selection: `timeline(after: """${times(random.pick(sizes), (index) => `${' '.repeat(index % 20)}x`, '\n')}""") { nodes { id } }`,
  }),
  numbers: (random) => ({
    selection: `timeline(first: ${random.pick(['-1', '0', '99999999999999999999', '1e400', '1.5', '0x1', '00', '-', '1e', 'null', 'true', '$id', '9'.repeat(20_000)])}) { nodes { id } }`,
  }),
  'comments and commas': (random) => ({
    selection: `id ${random.pick(['#x\n', ',', '\t', '\u{feff}', '\r\n']).repeat(random.integer(1, 10_000))}`,
  }),
  punctuation: (random) => ({
    selection: random
      .pick(['{', '}', '(', ')', '...', '$', '@', '!', ':', '|', '&', '[', '"', '"""'])
      .repeat(random.pick(sizes)),
  }),
  variables: (random) => {
    const count = random.pick(sizes);
    return {
      variables: times(
        count,
        (index) =>
          `$v${index}: ${random.pick(['Int', 'ID!', '[Int!]!', 'Nothing', 'MotionJob', 'GenerateMotionInput', '[[[[[String]]]]]'])} = ${random.pick(['1', 'null', '"x"', '[1, [2, [3]]]', '{imageUrl: "a"}', 'STD'])}`,
      ),
      selection: times(Math.min(count, 50), (index) => `timeline(first: $v${index}) { nodes { id } }`),
    };
  },
  'values of variables': (random) => ({
    variables: '$a: Int, $b: ID, $c: [Int!], $d: GenerateMotionInput',
    values: { a: strange(random), b: strange(random), c: strange(random), d: strange(random) },
    selection: 'id timeline(first: $a, after: $b) { nodes { id } }',
  }),
  'deep values': (random) => ({
    variables: '$d: GenerateMotionInput',
    values: { d: deep(random.pick(sizes.slice(0, -2))) },
    selection: 'id',
  }),
  unicode: (random) => ({
    selection: `timeline(after: "${times(random.integer(1, 2_000), () => random.pick(['\u202e', '\u200b', '\u{1f600}', '\\u{110000}', '\\ud800', '\ud800', '\\u{1F600}', '\u0000', 'ß', '\u2028']), '')}") { nodes { id } }`,
  }),
  'names in other scripts': (random) => ({
    selection: times(random.pick(sizes), () => random.pick(['іd', 'ＩＤ', 'i\u0301d', '变量', 'id\u200b'])),
  }),
  introspection: (random) => ({
    selection: `id __schema { types { ${'fields { type { '.repeat(random.integer(1, 8))}name`,
  }),
  'several operations': (random) => ({
    selection: 'id',
    after: times(random.pick(sizes), (index) => `query O${index % random.integer(1, 50)} { __typename }`),
    ...(random.chance(0.5) && { operationName: random.pick(['O1', 'O0', '', 'nothing', '__proto__']) }),
  }),
  'schema definitions': (random) => ({
    selection: 'id',
    after: times(random.pick(sizes), (index) => `type T${index} { a: Int } extend type Query { b${index}: Int }`),
  }),
  'random corruption': (random) => ({
    selection: broken(
      'id version state timeline(first: 5, after: "x") { nodes { id at kind } pageInfo { endCursor } } ... on MotionJob { prompt } labels { key value }',
      random,
    ),
  }),
};

export const kindNames = Object.keys(kinds);

/** Draws the document with this number. The kinds take turns, so that each is drawn equally often. */
export function drawDocument(random: Random, number: number): HostileDocument {
  const kind = kindNames[number % kindNames.length]!;
  const {
    selection,
    name = 'Hostile',
    variables = '',
    directives = '',
    after = '',
    values = {},
    operationName,
  } = kinds[kind]!(random);
  return {
    kind,
    write: (root, jobId) => ({
      query: `${root} ${name}($id: ID! ${variables}) ${directives} { ${roots[root]}(id: $id) { ${selection} } } ${after}`,
      variables: { ...values, id: jobId },
      ...(operationName !== undefined && { operationName }),
    }),
  };
}

function nest(depth: number, opening: string, closing: string, inside: string): Parts {
  return { selection: opening.repeat(depth) + inside + closing.repeat(depth) };
}

/** Each fragment spreads the next one twice. Expanded, the document would grow to 2 to the power of their number. */
function doubling(count: number): Parts {
  return {
    selection: '...F0',
    after:
      times(count, (index) => `fragment F${index} on MotionJob { a${index}: id ...F${index + 1} ...F${index + 1} }`) +
      ` fragment F${count} on MotionJob { id }`,
  };
}

function circle(count: number, spreads: number): Parts {
  return {
    selection: '...F0',
    after: times(
      count,
      (index) =>
        `fragment F${index} on MotionJob { ${times(spreads, (spread) => `...F${(index + spread + 1) % count}`)} }`,
    ),
  };
}

function strange(random: Random): unknown {
  const values: readonly unknown[] = [
    null,
    -1,
    2 ** 53,
    1.5,
    '',
    'x'.repeat(8_000),
    '"'.repeat(8_000),
    '\u0000\ud800',
    [],
    [[[1]]],
    {},
    { __proto__: null, constructor: 1 },
    true,
    Array.from({ length: 2_000 }, () => 'x'),
    ['x'.repeat(1_000), ...Array.from({ length: 10_000 }, () => 'x')],
    { imageUrl: [], videoUrl: {}, extra: '"'.repeat(4_000) },
  ];
  return random.pick(values);
}

function deep(depth: number): unknown {
  let value: unknown = 'x';
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { imageUrl: value };
  return value;
}

/** Removes, inserts or replaces a few characters. */
function broken(text: string, random: Random): string {
  const characters = [...text];
  for (let left = random.integer(1, 8); left > 0; left -= 1) {
    const at = random.integer(0, characters.length - 1);
    characters.splice(
      at,
      random.integer(0, 2),
      ...(random.chance(0.7)
        ? [random.pick(['{', '}', '(', '"', '$', '@', '\\', '#', '\u0000', '\ufeff', 'é', '...', ':', '!'])]
        : []),
    );
  }
  return characters.join('');
}
