/** Random bodies of `POST /graphql` as a hostile client would send them: no request, or more than one. */
import type { Random } from '../../harness/random.ts';

export interface HostileBody {
  readonly kind: string;
  readonly contentType: string;
  readonly body: string;
}

const JSON_TYPE = 'application/json';
const fine = '{"query":"{ __typename }"}';

const kinds: Readonly<Record<string, (random: Random) => { readonly body: string; readonly contentType?: string }>> = {
  'a batch': (random) => ({
    body: `[${Array.from({ length: random.pick([0, 1, 10, 2_000]) }, () => fine).join(',')}]`,
  }),
  'a batch within a batch': (random) => ({
    body: '['.repeat(random.pick([1, 100, 30_000])) + ']'.repeat(random.pick([1, 100, 30_000])),
  }),
  'not an object': (random) => ({ body: random.pick(['null', '1', '"x"', 'true', '', ' ', '1e999']) }),
  'not JSON': (random) => ({
    body: random.pick([
      '{',
      '{"query":',
      '{"query":"{ a }"',
      "{'query': '{ a }'}",
      'query=1',
      '\ufeff{}',
      '{"query":"\ud800"}',
      '\u0000',
      '<html>',
    ]),
  }),
  'a query that is not a string': (random) => ({
    body: JSON.stringify({
      query: random.pick<unknown>([null, 1, [], {}, true, ['{ __typename }'], { toString: '{ __typename }' }]),
    }),
  }),
  'variables that are not an object': (random) => ({
    body: JSON.stringify({
      query: '{ __typename }',
      variables: random.pick<unknown>([1, 'x', [], true, '{"a":1}', [[]]]),
    }),
  }),
  'an operation name that is not a string': (random) => ({
    body: JSON.stringify({
      query: 'query A { __typename }',
      operationName: random.pick<unknown>([1, [], {}, 'B', '', '__proto__', 'x'.repeat(50_000)]),
    }),
  }),
  'deep variables': (random) => ({
    body: `{"query":"{ __typename }","variables":${'{"a":'.repeat(random.pick([10, 1_000, 9_000]))}1${'}'.repeat(random.pick([10, 1_000, 9_000]))}}`,
  }),
  'names of inherited properties': (random) => ({
    body: `{"query":"{ __typename }","${random.pick(['__proto__', 'constructor', 'prototype', 'toString'])}":{"polluted":true},"variables":{"__proto__":{"polluted":true}}}`,
  }),
  'keys said twice': () => ({ body: '{"query":"{ __typename }","query":"{ nothing }","variables":{},"variables":1}' }),
  'many keys': (random) => ({
    body: `{${Array.from({ length: random.pick([100, 4_000]) }, (_, index) => `"k${index}":${index}`).join(',')},"query":"{ __typename }"}`,
  }),
  'an extension': (random) => ({
    body: JSON.stringify({
      query: '{ __typename }',
      extensions: random.pick<unknown>([
        { persistedQuery: { version: 1, sha256Hash: '0'.repeat(64) } },
        [],
        1,
        { tracing: {} },
      ]),
    }),
  }),
  'a persisted query': () => ({
    body: JSON.stringify({
      extensions: {
        persistedQuery: { version: 1, sha256Hash: 'ecf4edb46db40b5132295c0291d62fb65d6759a9eedfa4d5d612dd5ec54a6b38' },
      },
    }),
  }),
  'an oversized body': (random) => ({
    body: `{"query":"{ __typename } #${'x'.repeat(random.pick([65_400, 65_536, 100_000, 1_000_000]))}"}`,
  }),
  'another media type': (random) => ({
    contentType: random.pick([
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/graphql',
      'application/json; charset=utf-16',
      'application/json; charset="',
      '',
      'a/b/c',
      'x'.repeat(5_000),
    ]),
    body: fine,
  }),
};

export const bodyKindNames = Object.keys(kinds);

/** Draws the body with this number. The kinds take turns. */
export function drawBody(random: Random, number: number): HostileBody {
  const kind = bodyKindNames[number % bodyKindNames.length]!;
  return { kind, contentType: JSON_TYPE, ...kinds[kind]!(random) };
}
