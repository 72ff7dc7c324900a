/**
 * API keys: `mg_`, 32 random base62 characters (190 bits) and a checksum of 6 characters. The checksum distinguishes a
 * mistyped key from an unknown one without a database query, and lets scanners for leaked secrets confirm a match. Only
 * the SHA-256 hash is stored: with that much entropy in a key, a slow hash would add no protection.
 */
import { createHash, hkdfSync, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';

const PREFIX = 'mg_';
const LENGTH = 32;
const CHECKSUM_LENGTH = 6;
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const FORM = new RegExp(`^${PREFIX}[0-9A-Za-z]{${LENGTH + CHECKSUM_LENGTH}}$`);

export const makeApiKey = (): string => spell((count) => randomBytes(count));

/**
 * Derives a key from a secret; the same secret always gives the same key. The playground and the banner of an open
 * sandbox show it, and it survives restarts.
 */
export function deriveApiKey(secret: string): string {
  let block = 0;
  return spell((count) =>
    Buffer.from(hkdfSync('sha256', secret, '', `motion-gateway ordinary key v1 ${block++}`, count)),
  );
}

/** True if the text has the form of a key and its checksum is correct; anything else cannot be a key. */
export const isApiKey = (text: string): boolean =>
  FORM.test(text) && text.endsWith(checksumOf(text.slice(PREFIX.length, -CHECKSUM_LENGTH)));

export const hashApiKey = (key: string): string => createHash('sha256').update(key).digest('hex');

export const lastFourOf = (key: string): string => key.slice(-4);

function spell(bytes: (count: number) => Buffer): string {
  let text = '';
  // 248 is the largest multiple of 62 in a byte: values from 248 on would make some characters more likely than others.
  while (text.length < LENGTH)
    for (const byte of bytes(2 * LENGTH)) if (byte < 248 && text.length < LENGTH) text += ALPHABET[byte % 62]!;
  return `${PREFIX}${text}${checksumOf(text)}`;
}

function checksumOf(text: string): string {
  let rest = crc32(text);
  let sum = '';
  for (let place = 0; place < CHECKSUM_LENGTH; place += 1) {
    sum = ALPHABET[rest % 62]! + sum;
    rest = Math.floor(rest / 62);
  }
  return sum;
}
