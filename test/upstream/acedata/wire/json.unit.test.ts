/** Decodes values of external JSON: numbers, texts, ids and URLs. */
import { describe, expect, test } from 'vitest';
import {
  asHttpUrl,
  asId,
  asNumber,
  asObject,
  asText,
  isHttpUrl,
  readJson,
} from '../../../../src/upstream/acedata/wire/json.ts';

const URL_A = 'https://a.com/a.mp4';

describe('external JSON', () => {
  test('keeps integers beyond 2^53 as text, and everything else unchanged', () => {
    expect(
      readJson(
        '{"a":842578800134742051,"b":9007199254740991,"c":9007199254740992,"d":-842578800134742051,"e":"842578800134742051","f":1234567890123456.5,"g":1e21}',
      ),
    ).toEqual({
      a: '842578800134742051',
      b: 9_007_199_254_740_991,
      c: '9007199254740992',
      d: '-842578800134742051',
      e: '842578800134742051',
      f: 1_234_567_890_123_456.5,
      g: 1e21,
    });
    expect(readJson(String.raw`{"a\"b":"\\","n":842578800134742051,"s":"x\"842578800134742051\""}`)).toEqual({
      'a"b': '\\',
      n: '842578800134742051',
      s: 'x"842578800134742051"',
    });
    expect(readJson('842578800134742051')).toBe('842578800134742051');
    expect([readJson('{"a":1'), readJson(''), readJson('null'), readJson('7')]).toEqual([
      undefined,
      undefined,
      null,
      7,
    ]);
  });

  test('yields objects, but not for lists and null', () => {
    expect([asObject({ a: 1 }), asObject([]), asObject(null), asObject('a'), asObject(undefined)]).toEqual([
      { a: 1 },
      null,
      null,
      null,
      null,
    ]);
  });

  test('removes NUL, surrounding blanks and lone surrogates from text, and truncates it to the maximum length', () => {
    expect([' a ', 7, 'a\0b', '\ud800', '', ' \0 ', true, null, {}].map((value) => asText(value))).toEqual([
      'a',
      '7',
      'ab',
      '\ufffd',
      null,
      null,
      null,
      null,
      null,
    ]);
    expect(asText('x'.repeat(2_001))).toBe('x'.repeat(2_000));
    expect(asText('abc', 2)).toBe('ab');
  });

  test('yields ids of at most 255 characters, and never a truncated one', () => {
    expect(asId('x'.repeat(255))).toBe('x'.repeat(255));
    expect([asId('x'.repeat(256)), asId('x'.repeat(300)), asId(''), asId(7), asId(null)]).toEqual([
      null,
      null,
      null,
      '7',
      null,
    ]);
  });

  test('yields non-negative numbers, also from text', () => {
    expect([5.066, '5.066', 0, '0', -1, '-1', 'x', '', null, Infinity, '1e400', [5]].map(asNumber)).toEqual([
      5.066,
      5.066,
      0,
      0,
      null,
      null,
      null,
      null,
      null,
      null,
      null,
      null,
    ]);
  });

  test('yields http and https URLs of any length', () => {
    for (const url of ['http://a.com', URL_A, `https://a.com/${'x'.repeat(5_000)}`])
      expect([asHttpUrl(url), isHttpUrl(url)]).toEqual([url, true]);
    for (const other of ['ftp://a.com', 'a.com', '', 'javascript:alert(1)', 'https//a.com'])
      expect([asHttpUrl(other), isHttpUrl(other)]).toEqual([null, false]);
    expect(asHttpUrl(7)).toBeNull();
  });
});
