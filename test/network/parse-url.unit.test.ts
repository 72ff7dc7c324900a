import { expect, test } from 'vitest';
import { parseUrl } from '../../src/network/parse-url.ts';

test.each([
  ['https://a.com', undefined, 'https://a.com/'],
  ['/b?c#d', 'https://a.com/x', 'https://a.com/b?c#d'],
  ['//b.com', 'https://a.com', 'https://b.com/'],
  // A letter with a combining mark stays two characters: composed, it would be another path to the server that created
  // the link.
  ['https://a.com/cafe\u0301?q=e\u0301', undefined, 'https://a.com/cafe%CC%81?q=e%CC%81'],
  ['https://a.com/caf\u00e9', undefined, 'https://a.com/caf%C3%A9'],
  ['https://münchen.de', undefined, 'https://xn--mnchen-3ya.de/'],
])('%s (base %s) parses to %s', (text, base, href) => expect(parseUrl(text, base)?.href).toBe(href));

test.each([
  ['a.com', undefined],
  ['', undefined],
  ['https://', undefined],
  ['https://a b', undefined],
  ['/b', undefined],
  ['https://[', 'https://a.com'],
  ['/b', 'a.com'],
])('%s (base %s) is not a URL', (text, base) => expect(parseUrl(text, base)).toBeNull());

test('the result stays the same after V8 has optimized the caller', () => {
  const hostOf = (text: string): string | null => parseUrl(text)?.hostname ?? null;
  for (let count = 0; count < 100_000; count += 1) hostOf(`https://a.com/${count}`);
  // Hosts with Latin-1 characters, a host in another script, and an invalid one.
  expect(['https://münchen.de', 'https://local\u00adhost', 'https://例え.jp', 'https://a b'].map(hostOf)).toEqual([
    'xn--mnchen-3ya.de',
    'localhost',
    'xn--r8jz45g.jp',
    null,
  ]);
});
