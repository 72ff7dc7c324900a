/** Tests for which documents the `Idempotency-Key` header is used, and for which it is ambiguous. */
import { HeaderMap } from '@apollo/server';
import { buildSchema, getOperationAST, type GraphQLError, parse } from 'graphql';
import { describe, expect, test } from 'vitest';
import { idempotencyHeaderPlugin } from '../../src/http/graphql/idempotency-header.ts';

const schema = buildSchema(`
  input Input { prompt: String idempotencyKey: String }
  type Payload { id: ID }
  type Query { generateMotion: Payload job: Payload }
  type Mutation { generateMotion(input: Input!): Payload cancelMotion: Payload }
`);

type Hooks = { didResolveOperation: (about: object) => Promise<void> };

/** Returns the context that the resolvers get, or the message and the extensions of the error. */
async function read(
  query: string,
  header: string | null = 'k',
  variables?: Record<string, unknown>,
  operationName?: string,
) {
  const document = parse(query);
  const contextValue = {};
  const headers = new HeaderMap();
  if (header !== null) headers.set('idempotency-key', header);
  const { didResolveOperation } = (await idempotencyHeaderPlugin.requestDidStart!({} as never)) as unknown as Hooks;
  try {
    await didResolveOperation({
      request: { http: { headers }, variables },
      document,
      operation: getOperationAST(document, operationName),
      schema,
      contextValue,
    });
    return contextValue;
  } catch (error) {
    const { message, extensions } = error as GraphQLError;
    return { message, extensions };
  }
}

const counts = { idempotencyKey: 'k', formerIdempotencyKey: null };
const refused = (message: string) => ({
  message,
  extensions: { code: 'IDEMPOTENCY_KEY_AMBIGUOUS', http: { status: 400 } },
});
const ambiguous = refused(
  'The Idempotency-Key header requires exactly one generateMotion; give each field its own idempotencyKey.',
);
const differs = refused('The Idempotency-Key header and the idempotencyKey of the input differ.');

describe('the header is used', () => {
  test.each([
    ['for one field', 'mutation { generateMotion(input: {}) { id } }'],
    ['under an alias', 'mutation { a: generateMotion(input: {}) { id } }'],
    ['in an inline fragment', 'mutation { ... on Mutation { ... { generateMotion(input: {}) { id } } } }'],
    [
      'in a fragment',
      'mutation { ...F } fragment F on Mutation { ...G } fragment G on Mutation { generateMotion(input: {}) { id } }',
    ],
    ['beside other fields', 'mutation { cancelMotion { id } generateMotion(input: {}) { id } }'],
    [
      'in the operation that is executed',
      'mutation A { generateMotion(input: {}) { id } } mutation B { generateMotion(input: {}) { id } }',
      'A',
    ],
  ])('%s', async (_where, query, operationName?: string) =>
    expect(await read(query, 'k', undefined, operationName)).toEqual(counts),
  );

  test('if the input has the same key, with or without the quotes of the header', async () => {
    expect(await read('mutation { generateMotion(input: { idempotencyKey: "k" }) { id } }')).toEqual(counts);
    expect(await read('mutation { generateMotion(input: { idempotencyKey: null }) { id } }')).toEqual(counts);
    expect(
      await read('mutation ($i: Input!) { generateMotion(input: $i) { id } }', 'k', { i: { idempotencyKey: 'k' } }),
    ).toEqual(counts);
    const quoted = { idempotencyKey: 'k', formerIdempotencyKey: '"k"' };
    expect(await read('mutation { generateMotion(input: {}) { id } }', '"k"')).toEqual(quoted);
    expect(await read('mutation { generateMotion(input: { idempotencyKey: "k" }) { id } }', '"k"')).toEqual(quoted);
    expect(await read('mutation { generateMotion(input: { idempotencyKey: "\\"k\\"" }) { id } }', '"k"')).toEqual(
      quoted,
    );
  });

  test('even if the variables or arguments are invalid, which execution reports', async () => {
    expect(await read('mutation ($i: Input!) { generateMotion(input: $i) { id } }')).toEqual(counts);
    expect(await read('mutation { generateMotion { id } }')).toEqual(counts);
  });
});

describe('the header is ignored', () => {
  test.each([
    ['in a query', 'query { generateMotion { id } }'],
    ['in a mutation without the field', 'mutation { cancelMotion { id } }'],
    ['in a mutation whose fragment is missing', 'mutation { ...Missing }'],
    ['below the top', 'mutation { cancelMotion { id generateMotion } }'],
    [
      'without an operation to execute',
      'mutation A { generateMotion(input: {}) { id } } mutation B { cancelMotion { id } }',
    ],
  ])('%s', async (_where, query) => expect(await read(query)).toEqual({}));

  test('if it is absent or empty', async () => {
    const query = 'mutation { generateMotion(input: { idempotencyKey: "other" }) { id } }';
    expect(await read(query, null)).toEqual({});
    expect(await read(query, '')).toEqual({});
  });
});

describe('the document is rejected', () => {
  test.each([
    ['with two fields', 'mutation { a: generateMotion(input: {}) { id } b: generateMotion(input: {}) { id } }'],
    [
      'with one field here and one in a fragment',
      'mutation { generateMotion(input: {}) { id } ...F } fragment F on Mutation { a: generateMotion(input: {}) { id } }',
    ],
    [
      'with one field and one in an inline fragment',
      'mutation { generateMotion(input: {}) { id } ... { a: generateMotion(input: {}) { id } } }',
    ],
    [
      'with a fragment that is spread twice',
      'mutation { ...F ... { ...F } } fragment F on Mutation { generateMotion(input: {}) { id } }',
    ],
  ])('%s', async (_how, query) => expect(await read(query)).toEqual(ambiguous));

  test('with a different key in the input', async () => {
    expect(await read('mutation { generateMotion(input: { idempotencyKey: "other" }) { id } }')).toEqual(differs);
    expect(await read('mutation { generateMotion(input: { idempotencyKey: "" }) { id } }')).toEqual(differs);
    expect(
      await read('mutation ($i: Input!) { generateMotion(input: $i) { id } }', 'k', { i: { idempotencyKey: 'K' } }),
    ).toEqual(differs);
  });

  test('with a different key as the default of a variable that has no value', async () => {
    const byKey = 'mutation ($k: String = "mine") { generateMotion(input: { idempotencyKey: $k }) { id } }';
    expect(await read(byKey)).toEqual(differs);
    expect(await read(byKey, 'mine')).toEqual({ idempotencyKey: 'mine', formerIdempotencyKey: null });
    expect(await read(byKey, 'k', { k: 'k' })).toEqual(counts);
    expect(await read(byKey, 'k', { k: null })).toEqual(counts);
    expect(
      await read('mutation ($i: Input! = { idempotencyKey: "mine" }) { generateMotion(input: $i) { id } }'),
    ).toEqual(differs);
  });
});
