import { buildSchema, parse, validate } from 'graphql';
import { describe, expect, test } from 'vitest';
import {
  createOperationCheck,
  createOperationRules,
  MAX_VALIDATION_ERRORS,
  tooLarge,
  type OperationLimits,
} from '../../../src/http/graphql/operation-limits.ts';

const schema = buildSchema(`
  directive @mark(n: Int) repeatable on FIELD | QUERY | FRAGMENT_DEFINITION | FRAGMENT_SPREAD | INLINE_FRAGMENT
  type Node { id: ID! name: String node: Node }
  type Query { node: Node other: Node }
`);
const LIMITS: OperationLimits = {
  maxDepth: 4,
  maxAliases: 2,
  maxDirectives: 2,
  maxFieldRepeats: 3,
  maxCost: 10,
  maxSubscriptionCost: 10,
};
const judge = (query: string, limits: Partial<OperationLimits> = {}, introspection = true) =>
  validate(schema, parse(query), createOperationRules({ ...LIMITS, ...limits }, introspection), {
    maxErrors: MAX_VALIDATION_ERRORS,
  }).map(({ message }) => message);

const DEEP = 'The operation has fields that are nested too deeply; the limit is 4.';
const ALIASES = 'The operation has too many aliases; the limit is 2.';
const DIRECTIVES = 'The operation has too many directives; the limit is 2.';
const REPEATS = 'The operation has the same field too many times; the limit is 3.';
const SELECTIONS = 'The operation has too many selections after its fragments are expanded; the limit is 1000.';

describe('an operation', () => {
  test.each([
    ['{ node { node { node { id } } } }', []],
    ['{ node { node { node { node { id } } } } }', [DEEP]],
    ['{ node { ...F } } fragment F on Node { node { node { node { id } } } }', [DEEP]],
    ['{ node { ...F } } fragment F on Node { node { node { id } } }', []],
    ['{ node { ... on Node { ... { node { node { id } } } } } }', []],
    ['{ a: node { id } b: node { id } }', []],
    ['{ a: node { id } b: node { c: id } }', [ALIASES]],
    ['{ a: node { ...F } other { ...F } } fragment F on Node { b: id }', [ALIASES]],
    ['query @mark { node @mark { id } }', []],
    ['query @mark { node @mark { id @mark } }', [DIRECTIVES]],
    ['{ node { ...F @mark } } fragment F on Node @mark { id @mark }', [DIRECTIVES]],
    ['{ node { ... @mark { ... on Node @mark { id @mark } } } }', [DIRECTIVES]],
    ['{ node { id id id } }', []],
    ['{ node { id id id id } }', [REPEATS]],
    ['{ node { id } node { id } node { id } node { name } }', [REPEATS]],
    ['{ node { id ...F ...F ... { id } } } fragment F on Node { id }', []],
    ['{ node { id ...F ... { id id } } } fragment F on Node { id }', [REPEATS]],
    ['{ node { node { id id } } other { node { id id } } }', []],
    ['{ a: node { id } a: node { id } a: node { id } }', [ALIASES]],
  ])('%s causes the errors %j', (query, messages) => expect(judge(query)).toEqual(messages));

  test('is measured with its fragments, and each definition, including an unused fragment, is measured separately', () => {
    expect(judge('{ node { id } } fragment F on Node { node { node { node { node { id } } } } }')).toEqual([DEEP]);
    expect(judge('query A { a: node { b: id } } query B { a: node { b: id } }')).toEqual([]);
    // A fragment that an operation spreads is measured with the operation and reported once.
    expect(
      judge(
        '{ node { ...F } } fragment F on Node { ...G } fragment G on Node { node { node { node { node { id } } } } }',
      ),
    ).toEqual([DEEP]);
  });

  test('with a fragment cycle or a missing fragment is left to the rules of GraphQL', () => {
    expect(judge('{ node { ...F } } fragment F on Node { node { ...F } }')).toEqual([]);
    expect(judge('{ node { ...Missing } }')).toEqual([]);
  });

  test('is limited in its number of selections after fragment expansion, counted over all definitions', () => {
    const names = Array.from({ length: 10 }, (_, index) => `F${index}`);
    const bombs = names.map((name, index) =>
      index === 9
        ? `fragment ${name} on Node { id name }`
        : `fragment ${name} on Node { a: node { ...F${index + 1} } b: node { ...F${index + 1} } }`,
    );
    const bomb = `{ node { ...F0 } } ${bombs.join(' ')}`;
    expect(judge(bomb, { maxDepth: 100, maxAliases: 10_000 })).toEqual([SELECTIONS]);
    expect(judge(bomb, { maxDepth: 100, maxAliases: 10_000, maxCost: 10_000 })).toEqual([]);
    const half = '{ node { ' + 'id '.repeat(499) + '} }';
    expect(judge(half, { maxFieldRepeats: 10_000 })).toEqual([]);
    expect(judge(`query A ${half} query B ${half}`, { maxFieldRepeats: 10_000 })).toEqual([]);
    expect(judge(`query A ${half} query B ${half} query C { node { id } }`, { maxFieldRepeats: 10_000 })).toEqual([
      SELECTIONS,
    ]);
  });

  test('may use introspection only if that is allowed', () => {
    expect(judge('{ __schema { types { name } } }')).toEqual([]);
    expect(judge('{ __schema { types { name } } }', {}, false)).toEqual([
      expect.stringContaining('GraphQL introspection has been disabled'),
      expect.stringContaining('GraphQL introspection has been disabled'),
    ]);
  });

  test('is rejected with an error code and its location', () => {
    const { definitions } = parse('{ node { id } }');
    const { message, extensions, locations } = tooLarge('too much', 7, definitions[0]!);
    expect([message, extensions, locations]).toEqual([
      'The operation has too much; the limit is 7.',
      { code: 'OPERATION_TOO_LARGE' },
      [{ line: 1, column: 1 }],
    ]);
  });
});

describe('the document check', () => {
  const rules = createOperationRules(LIMITS, true);
  test('passes a document that is invalid or has too many tokens, because the next parser reports that', () => {
    const check = createOperationCheck(schema, rules, 20);
    expect([check('no { query'), check(`{ node { ${'id '.repeat(30)} } }`)]).toEqual([[], []]);
  });

  test('checks rejected documents again, and remembers the latest 200 documents that passed', () => {
    let validated = 0;
    const check = createOperationCheck(schema, [...rules, () => ({ Document: () => void (validated += 1) })], 1_000);
    const query = (index: number) => `query Q${index} { node { id } }`;
    const deep = '{ node { node { node { node { id } } } } }';
    expect([check(deep), check(deep)].map((errors) => errors.map(({ message }) => message))).toEqual([[DEEP], [DEEP]]);
    expect(validated).toBe(2);
    for (let index = 0; index < 200; index += 1) check(query(index));
    for (let index = 0; index < 200; index += 1) check(query(index));
    expect(validated).toBe(202);
    check(query(200));
    check(query(1));
    expect(validated).toBe(203);
    check(query(0));
    expect(validated).toBe(204);
  });
});
