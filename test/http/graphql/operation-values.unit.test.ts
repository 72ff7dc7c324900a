/**
 * Invalid values that graphql-js would find during execution are client errors and are reported before execution.
 * Covers every message that graphql-js 16.15 raises for them. Errors of result coercion, which have the same class,
 * remain internal.
 */
import {
  buildSchema,
  execute,
  getOperationAST,
  GraphQLError,
  parse,
  specifiedRules,
  validate,
  type GraphQLSchema,
} from 'graphql';
import { describe, expect, test } from 'vitest';
import { createMaskError } from '../../../src/http/graphql/mask-errors.ts';
import { createValueCheck } from '../../../src/http/graphql/operation-values.ts';

const schema = buildSchema(`
  enum Color { RED BLUE }
  interface Named { name(length: Int! = 5): String }
  type Person implements Named { name(length: Int! = 5): String friends(first: Int! = 2, colors: [Color!]! = [RED]): [Person!]! color: Color! }
  input Deep { a: Inner! = {} list: [Inner!]! = [] }
  input Inner { color: Color! = RED n: Int }
  type Query { person: Person named: Named people(first: Int! = 3): [Person] given(input: Deep! = {}): Int colors(any: [Color!]! = [RED]): Int id(id: ID!): Int }
  type Mutation { make(input: Inner! = {}): Int }
  type Subscription { person(color: Color! = RED): Person }
`);
const checkValues = createValueCheck(schema, { maxCost: 1_000, maxSubscriptionCost: 1_000 });

function judge(query: string, variables: unknown = {}) {
  const document = parse(query);
  expect(validate(schema, document, specifiedRules), 'valid').toEqual([]);
  return checkValues(document, getOperationAST(document)!, variables).map(({ message, extensions }) => [
    extensions.code,
    message,
  ]);
}

const refusal = (message: string) => [['BAD_USER_INPUT', message]];

describe('an invalid value', () => {
  test.each<[string, string, Record<string, unknown>, string]>([
    [
      'null for an argument with a default',
      'query ($n: Int) { people(first: $n) { color } }',
      { n: null },
      'Argument "first" of non-null type "Int!" must not be null.',
    ],
    [
      'null for a variable with a default',
      'query ($n: Int = 1) { people(first: $n) { color } }',
      { n: null },
      'Argument "first" of non-null type "Int!" must not be null.',
    ],
    [
      'null in a nested field',
      'query ($n: Int) { people { friends { friends(first: $n) { color } } } }',
      { n: null },
      'Argument "first" of non-null type "Int!" must not be null.',
    ],
    [
      'null on an interface',
      'query ($n: Int) { named { name(length: $n) } }',
      { n: null },
      'Argument "length" of non-null type "Int!" must not be null.',
    ],
    [
      'null in a fragment',
      'query ($n: Int) { person { ...F } } fragment F on Person { friends(first: $n) { color } }',
      { n: null },
      'Argument "first" of non-null type "Int!" must not be null.',
    ],
    [
      'null in an inline fragment',
      'query ($n: Int) { named { ... on Person { friends(first: $n) { color } } } }',
      { n: null },
      'Argument "first" of non-null type "Int!" must not be null.',
    ],
    [
      'null for @include',
      'query ($on: Boolean = true) { person { color @include(if: $on) } }',
      { on: null },
      'Argument "if" of non-null type "Boolean!" must not be null.',
    ],
    [
      'null for @skip of a root field',
      'query ($on: Boolean = false) { person @skip(if: $on) { color } }',
      { on: null },
      'Argument "if" of non-null type "Boolean!" must not be null.',
    ],
    [
      'null for @skip of a spread',
      'query ($on: Boolean = false) { person { ...F @skip(if: $on) } } fragment F on Person { color }',
      { on: null },
      'Argument "if" of non-null type "Boolean!" must not be null.',
    ],
    [
      'null for @include of an inline fragment',
      'query ($on: Boolean = true) { person { ... @include(if: $on) { color } } }',
      { on: null },
      'Argument "if" of non-null type "Boolean!" must not be null.',
    ],
    [
      'null in introspection',
      'query ($name: String = "Color") { __type(name: $name) { name } }',
      { name: null },
      'Argument "name" of non-null type "String!" must not be null.',
    ],
    [
      'null in an input',
      'query ($c: Color) { given(input: { a: { color: $c } }) }',
      { c: null },
      'Argument "input" has invalid value: "input.a.color" of non-null type "Color!" must not be null, but the variable "$c" is null.',
    ],
    [
      'null in a list of inputs',
      'query ($c: Color) { given(input: { list: [{}, { n: 1, color: $c }] }) }',
      { c: null },
      'Argument "input" has invalid value: "input.list.1.color" of non-null type "Color!" must not be null, but the variable "$c" is null.',
    ],
    [
      'null as a list item',
      'query ($c: Color = RED) { colors(any: [BLUE, $c]) }',
      { c: null },
      'Argument "any" has invalid value: "any.1" of non-null type "Color!" must not be null, but the variable "$c" is null.',
    ],
    [
      'null in a mutation',
      'mutation ($c: Color) { make(input: { color: $c }) }',
      { c: null },
      'Argument "input" has invalid value: "input.color" of non-null type "Color!" must not be null, but the variable "$c" is null.',
    ],
    [
      'null in a subscription',
      'subscription ($c: Color) { person(color: $c) { color } }',
      { c: null },
      'Argument "color" of non-null type "Color!" must not be null.',
    ],
    [
      'null in a nested field of a subscription',
      'subscription ($n: Int) { person { friends(first: $n) { color } } }',
      { n: null },
      'Argument "first" of non-null type "Int!" must not be null.',
    ],
    [
      'a missing variable',
      'query ($id: ID!) { id(id: $id) }',
      {},
      'Variable "$id" of required type "ID!" was not provided.',
    ],
    [
      'a variable that is null',
      'query ($id: ID!) { id(id: $id) }',
      { id: null },
      'Variable "$id" of non-null type "ID!" must not be null.',
    ],
    [
      'null inside a variable',
      'query ($input: Deep!) { given(input: $input) }',
      { input: { a: { color: null } } },
      'Variable "$input" got invalid value null at "input.a.color"; Expected non-nullable type "Color!" not to be null.',
    ],
    [
      'an unknown enum value',
      'query ($c: Color!) { colors(any: [$c]) }',
      { c: 'X' },
      'Variable "$c" got invalid value "X"; Value "X" does not exist in "Color" enum.',
    ],
    [
      'a fraction for an Int',
      'query ($n: Int!) { people(first: $n) { color } }',
      { n: 1.5 },
      'Variable "$n" got invalid value 1.5; Int cannot represent non-integer value: 1.5',
    ],
    [
      'text for an Int',
      'query ($n: Int!) { people(first: $n) { color } }',
      { n: '5' },
      'Variable "$n" got invalid value "5"; Int cannot represent non-integer value: "5"',
    ],
    [
      'an integer beyond 32 bits',
      'query ($n: Int!) { people(first: $n) { color } }',
      { n: 2 ** 31 },
      'Variable "$n" got invalid value 2147483648; Int cannot represent non 32-bit signed integer value: 2147483648',
    ],
    [
      'an unknown input field',
      'query ($input: Deep!) { given(input: $input) }',
      { input: { b: 1 } },
      'Variable "$input" got invalid value { b: 1 }; Field "b" is not defined by type "Deep". Did you mean "a"?',
    ],
    [
      'a number for an input object',
      'query ($input: Deep!) { given(input: $input) }',
      { input: 7 },
      'Variable "$input" got invalid value 7; Expected type "Deep" to be an object.',
    ],
  ])('%s', (_name, query, variables, message) => expect(judge(query, variables)).toEqual(refusal(message)));

  test('is reported together with the others, up to 20', () => {
    const nulls = Array.from({ length: 40 }, (_, index) => `a${index}: people(first: $n) { color }`).join(' ');
    expect(judge(`query ($n: Int) { ${nulls} }`, { n: null })).toHaveLength(20);
    expect(
      judge('query ($c: [Color!]!) { colors(any: $c) }', { c: Array.from({ length: 60 }, () => 'GREEN') }),
    ).toHaveLength(20);
    // The message of graphql-js prints the first value twice and would be truncated before the path.
    const long = judge('query ($c: [Color!]!) { colors(any: $c) }', {
      c: ['x'.repeat(1_000), ...Array.from({ length: 10_000 }, () => 'x')],
    });
    expect(long).toHaveLength(20);
    expect(long[0]).toEqual([
      'BAD_USER_INPUT',
      expect.stringMatching(/^Variable "\$c" got invalid value at "c\[0\]"; Value "x{1000}" does not exist/),
    ]);
    expect(long[1]).toEqual(['BAD_USER_INPUT', expect.stringContaining('at "c[1]"')]);
  });

  test.each<[string, string, Record<string, unknown> | undefined | null]>([
    ['a missing value with a default', 'query ($n: Int) { people(first: $n) { color } }', {}],
    ['missing variables', 'query ($n: Int) { people(first: $n) { color } }', undefined],
    ['null variables', 'query ($n: Int) { people(first: $n) { color } }', null],
    ['a missing value in an input', 'query ($c: Color) { given(input: { a: { color: $c } }) }', {}],
    ['null for a nullable field', 'query ($n: Int) { given(input: { a: { n: $n } }) }', { n: null }],
    [
      'a variable named like an inherited property',
      'query ($constructor: Int) { people(first: $constructor) { color } }',
      {},
    ],
    [
      'null in a skipped field',
      'query ($n: Int) { person { friends(first: $n) @skip(if: true) { color } } }',
      { n: null },
    ],
    [
      'null in a field that a variable skips',
      'query ($n: Int, $on: Boolean!) { ... @include(if: $on) { people(first: $n) { color } } }',
      { n: null, on: false },
    ],
  ])('is not reported for %s', (_name, query, variables) => expect(judge(query, variables)).toEqual([]));

  test('is reported for the requested operation only', () => {
    const document = parse(
      'query A($n: Int) { people(first: $n) { color } } query B($n: Int) { people { color } id(id: "1") }',
    );
    const [a, b] = ['A', 'B'].map((name) => checkValues(document, getOperationAST(document, name)!, { n: null }));
    expect([a!.length, b!.length]).toEqual([1, 0]);
  });
});

/** Executes the query; returns the error codes after masking and the number of errors logged. */
async function answer(
  query: string,
  root: object,
  { variables = {}, of = schema }: { variables?: Record<string, unknown>; of?: GraphQLSchema } = {},
) {
  const logged: object[] = [];
  const mask = createMaskError(
    { info: () => undefined, warn: () => undefined, error: (fields) => void logged.push(fields) },
    true,
  );
  const { errors = [] } = await execute({
    schema: of,
    document: parse(query),
    rootValue: root,
    variableValues: variables,
  });
  return { codes: errors.map((error) => mask(error).extensions!.code), logged: logged.length };
}

test.each<[string, string, object]>([
  ['null for a non-null field', '{ person { color } }', { person: { color: null } }],
  ['an unknown enum value in a result', '{ person { color } }', { person: { color: 'GREEN' } }],
  ['a number for a list', '{ person { friends { color } } }', { person: { friends: 7 } }],
  ['text for a number', '{ given }', { given: 'seven' }],
  ['an abstract type that cannot be resolved', '{ named { name } }', { named: {} }],
  [
    'an error that a resolver threw without a code',
    '{ given }',
    {
      given: () => {
        throw new GraphQLError('Argument "first" of non-null type "Int!" must not be null.', {
          nodes: parse('{ a }').definitions,
        });
      },
    },
  ],
  [
    'a plain error',
    '{ given }',
    {
      given: () => {
        throw new TypeError('of ours');
      },
    },
  ],
])('an execution error remains internal: %s', async (_name, query, root) => {
  expect(await answer(query, root)).toEqual({ codes: ['INTERNAL_SERVER_ERROR'], logged: 1 });
});
