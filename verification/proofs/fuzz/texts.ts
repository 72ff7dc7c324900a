/** Texts that programs often mishandle, and ways to corrupt a valid text. */
import fc from 'fast-check';

const KIB_64 = 65_536;

/** Edge cases of numbers, of encodings and of objects. */
const pieces = [
  '',
  ' ',
  '\t',
  '\n',
  '\r',
  '\0',
  '\u2028',
  '\u00a0',
  '\ufeff',
  '\u202e',
  '\ud800',
  '\udc00',
  '😀',
  'ß',
  'İ',
  'é',
  'e\u0301',
  '\uffff',
  '１',
  '。',
  '"',
  "'",
  '\\',
  '\\"',
  '\\u0000',
  '\\ud800',
  '/',
  '//',
  '?',
  '#',
  '&',
  '=',
  '%',
  '%00',
  '%2F',
  '%zz',
  '%25',
  '@',
  ':',
  ';',
  ',',
  '.',
  '..',
  '-',
  '_',
  '+',
  '[',
  ']',
  '{',
  '}',
  '<',
  '>',
  '0',
  '-0',
  '-1',
  '1',
  '00',
  '1e308',
  '1e400',
  '5e-324',
  '9007199254740993',
  '18446744073709551616',
  '2147483648',
  '0x7f',
  'NaN',
  'Infinity',
  '253402300800000',
  '8640000000000001',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'null',
  'undefined',
  'true',
  '[object Object]',
  '${7*7}',
  'http://',
  'https://a.com/?sign=x',
  'mg_',
  'event 1',
  '<html>',
] as const;

export const piece = fc.constantFrom(...pieces);

/** Up to 64 KiB of one repeated piece. Rare, because it costs a thousand times as much as other texts. */
const hugeText = fc
  .tuple(piece, fc.integer({ min: 1_000, max: KIB_64 }))
  .map(([text, length]) => (text || 'a').repeat(length).slice(0, length));

const shortText = fc.oneof(
  fc.array(piece, { maxLength: 4 }).map((some) => some.join('')),
  fc.string({ unit: 'binary', maxLength: 12 }),
  piece,
);

export const anyText = fc.oneof({ weight: 399, arbitrary: shortText }, { weight: 1, arbitrary: hugeText });

interface Mutation {
  readonly how: 'insert' | 'replace' | 'delete' | 'cut' | 'double' | 'case' | 'percent' | 'escape' | 'swap';
  readonly place: number;
  readonly piece: string;
}

const mutation: fc.Arbitrary<Mutation> = fc.record({
  how: fc.constantFrom('insert', 'replace', 'delete', 'cut', 'double', 'case', 'percent', 'escape', 'swap'),
  place: fc.nat({ max: 65_535 }),
  piece,
});

const hex = (character: string, digits: number): string => character.charCodeAt(0).toString(16).padStart(digits, '0');

function mutate(text: string, { how, place, piece: put }: Mutation): string {
  const at = text.length === 0 ? 0 : place % text.length;
  const [before, here, after] = [text.slice(0, at), text.slice(at, at + 1), text.slice(at + 1)];
  switch (how) {
    case 'insert':
      return before + put + here + after;
    case 'replace':
      return before + put + after;
    case 'delete':
      return before + after;
    case 'cut':
      return before;
    case 'double':
      return text.length > KIB_64 / 2 ? text : text + text.slice(at);
    case 'case':
      return before + (here === here.toLowerCase() ? here.toUpperCase() : here.toLowerCase()) + after;
    case 'percent':
      return here === '' || here > '\x7f' ? text : `${before}%${hex(here, 2)}${after}`;
    case 'escape':
      return here === '' ? text : `${before}\\u${hex(here, 4)}${after}`;
    case 'swap':
      return before + after.slice(0, 1) + here + after.slice(1);
  }
}

/** Corrupts the text in one to three places. */
export const mutated = (texts: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc
    .tuple(texts, fc.array(mutation, { minLength: 1, maxLength: 3 }))
    .map(([text, mutations]) => mutations.reduce(mutate, text));

/** Returns the same URL or name in another spelling: single characters are percent-encoded. */
export const percentEncoded = (text: string, places: readonly number[]): string =>
  [...text]
    .map((character, index) => (places.includes(index) && character <= '\x7f' ? `%${hex(character, 2)}` : character))
    .join('');

/** Returns true if PostgreSQL's `text` type stores the text unchanged. */
export const isStorable = (text: string): boolean => text.isWellFormed() && !text.includes('\0');

/** Returns the first text anywhere in the value that PostgreSQL would refuse or change, or null if there is none. */
export function findUnstorable(value: unknown): string | null {
  if (typeof value === 'string') return isStorable(value) ? null : value;
  if (typeof value !== 'object' || value === null || value instanceof Date) return null;
  for (const part of Object.values(value)) {
    const found = findUnstorable(part);
    if (found !== null) return found;
  }
  return null;
}
