import { describe, expect, test } from 'vitest';
import { deriveApiKey, hashApiKey, isApiKey, lastFourOf, makeApiKey } from '../../src/accounts/api-key.ts';

describe('an API key', () => {
  test('has a prefix, 32 characters of base62 and a checksum', () => {
    const key = makeApiKey();
    expect(key).toMatch(/^mg_[0-9A-Za-z]{38}$/);
    expect(isApiKey(key)).toBe(true);
    expect(makeApiKey()).not.toBe(key);
    expect(lastFourOf(key)).toBe(key.slice(-4));
  });

  test('is rejected if any one character is mistyped', () => {
    const key = deriveApiKey('a secret');
    for (let place = 0; place < key.length; place += 1) {
      const typed = `${key.slice(0, place)}${key[place] === 'x' ? 'y' : 'x'}${key.slice(place + 1)}`;
      expect(isApiKey(typed), typed).toBe(false);
    }
    for (const text of ['', 'mg_', key.slice(1), `${key}0`, `${key}\n`, ` ${key}`, key.toUpperCase()])
      expect(isApiKey(text), text).toBe(false);
  });

  test('uses all characters with about the same frequency', () => {
    const counts = new Map<string, number>();
    for (let number = 0; number < 2_000; number += 1)
      for (const character of makeApiKey().slice(3, 35)) counts.set(character, (counts.get(character) ?? 0) + 1);
    // 64,000 characters over 62: about 1,032 each, with a standard deviation of 32. Without rejection sampling, the
    // first 8 characters would occur a quarter more often.
    expect(counts.size).toBe(62);
    expect(Math.min(...counts.values())).toBeGreaterThan(1_032 - 6 * 32);
    expect(Math.max(...counts.values())).toBeLessThan(1_032 + 6 * 32);
  });

  test('derived from a secret is always the same, and differs for another secret', () => {
    expect(deriveApiKey('one')).toBe(deriveApiKey('one'));
    expect(deriveApiKey('one')).not.toBe(deriveApiKey('two'));
    expect(isApiKey(deriveApiKey('one'))).toBe(true);
  });

  test('is stored as its SHA-256 hash', () => {
    expect(hashApiKey('mg_x')).toMatch(/^[0-9a-f]{64}$/);
  });
});
