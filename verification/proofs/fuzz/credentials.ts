/**
 * Credentials: API keys, the tokens of callback URLs, and client tokens. Only those that the gateway made are accepted.
 */
import { createHmac } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import { deriveApiKey, isApiKey } from '../../../src/accounts/api-key.ts';
import { createClientTokens, type ClientTokenClaims } from '../../../src/accounts/client-token.ts';
import type { Echo } from '../../../src/jobs/model/upstream-news.ts';
import { createCallbackUrls } from '../../../src/upstream/callback-url.ts';
import type { Target } from './target.ts';
import { anyText, mutated } from './texts.ts';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** Returns the CRC-32 in base62. It is computed bit by bit, unlike in the program. */
function checksumOf(text: string): string {
  let crc = 0xffffffff;
  for (const byte of Buffer.from(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  let [rest, sum] = [BigInt((crc ^ 0xffffffff) >>> 0), ''];
  for (let place = 0; place < 6; place += 1, rest /= 62n) sum = ALPHABET[Number(rest % 62n)]! + sum;
  return sum;
}

const isKey = (text: string): boolean =>
  text.length === 41 &&
  text.startsWith('mg_') &&
  [...text.slice(3)].every((sign) => ALPHABET.includes(sign)) &&
  checksumOf(text.slice(3, 35)) === text.slice(35);

const ours = Array.from({ length: 20 }, (_, index) => deriveApiKey(`secret ${index}`));
const base62 = (length: number) =>
  fc
    .array(fc.constantFrom(...ALPHABET), { minLength: length, maxLength: length, size: 'max' })
    .map((signs) => signs.join(''));
const key = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(...ours) },
  { weight: 4, arbitrary: mutated(fc.constantFrom(...ours)) },
  { weight: 1, arbitrary: base62(38).map((text) => `mg_${text}`) },
  { weight: 1, arbitrary: base62(32).map((text) => `mg_${text}${checksumOf(text)}`) },
  { weight: 2, arbitrary: anyText },
);

export const apiKeys: Target<string, boolean> = {
  name: 'API keys',
  inputs: key,
  run: isApiKey,
  judge: (text, accepted) =>
    accepted === isKey(text) ? null : accepted ? 'an impossible key was accepted' : 'a key was refused',
  kindOf: (accepted) => (accepted ? 'accepted' : 'refused'),
};

const [OLD, NEW, FOREIGN] = [
  'an old secret of thirty-two characters',
  'a new secret of thirty-two characters',
  'a foreign secret of thirty-two chars.',
];
const urls = createCallbackUrls([NEW, OLD], () => 'https://gateway.example.com/base');
const jobIds = Array.from({ length: 10 }, (_, index) => `0199aaaa-0000-7000-8000-00000000000${index}`);
const urlsOf = (secret: string) =>
  jobIds.flatMap((jobId) =>
    [1, 2, 9, 999_999_999].map((attempt) =>
      createCallbackUrls([secret], () => 'https://gateway.example.com').urlFor(jobId, attempt)!,
    ),
  );
/** The gateway's own URLs, keyed by job and token as they appear in the URL. */
const made = new Map([...urlsOf(OLD), ...urlsOf(NEW)].map((url) => [url.split('/callbacks/')[1]!, url]));
const foreign = urlsOf(FOREIGN).map((url) => url.split('/callbacks/')[1]!);

/** A job id and a token, separated by `/`. */
const place = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom(...made.keys()) },
  { weight: 4, arbitrary: mutated(fc.constantFrom(...made.keys())) },
  { weight: 1, arbitrary: fc.constantFrom(...foreign) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom(...made.keys(), ...foreign), fc.constantFrom(...jobIds, '', '__proto__'))
      .map(([from, jobId]) => `${jobId}/${from.split('/')[1]}`),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(
        fc.constantFrom(...jobIds),
        fc.constantFrom('1', '01', '0', '1e0', '1000000000', '-1', '１'),
        base62(8),
        fc.constantFrom(OLD, 'x'),
      )
      .map(
        ([jobId, attempt, keyId, secret]) =>
          `${jobId}/${attempt}.${keyId}.${createHmac('sha256', secret).update(`${jobId}.${attempt}`).digest('base64url')}`,
      ),
  },
  { weight: 1, arbitrary: anyText },
);
const base = fc.constantFrom(
  'https://gateway.example.com/callbacks/',
  'https://evil.example.com/a?b=/callbacks/',
  '/callbacks/',
  'https://gateway.example.com/callbacks/callbacks/',
  '',
);

interface Presented {
  readonly place: string;
  readonly base: string;
}
type Verified = readonly [token: Echo | null, url: Echo | null];

export const callbackTokens: Target<Presented, Verified> = {
  name: 'callback URLs',
  inputs: fc.record({ place, base }),
  run({ place: text, base: before }) {
    const at = text.indexOf('/');
    return [urls.verify(at < 0 ? '' : text.slice(0, at), text.slice(at + 1)), urls.verifyUrl(before + text)];
  },
  judge({ place: text, base: before }, [byToken, byUrl]) {
    const isOurs = made.has(text);
    const right = (echo: Echo | null): boolean => echo !== null && text.startsWith(`${echo.jobId}/${echo.attempt}.`);
    if (isOurs !== right(byToken) || (!isOurs && byToken !== null))
      return isOurs ? 'a token of ours was refused' : 'a token was accepted that we did not make';
    const url = before + text;
    const at = url.lastIndexOf('/callbacks/');
    return (byUrl !== null) === (at >= 0 && made.has(url.slice(at + '/callbacks/'.length)))
      ? null
      : 'a URL was judged wrongly';
  },
  kindOf: ([token]) => (token === null ? 'refused' : 'accepted'),
};

const tokens = createClientTokens([NEW, OLD]);
const strangers = createClientTokens([FOREIGN]);
const claimsOf = (index: number): ClientTokenClaims => ({
  accountId: `account-${index}`,
  keyId: `key-${index}`,
  scopes: ['jobs:read'],
  jobIds: index % 2 ? [jobIds[index]!] : null,
  epoch: index,
});
const signed = new Map<string, ClientTokenClaims>();
for (let index = 0; index < 10; index += 1)
  signed.set((await tokens.sign(claimsOf(index), 3_600)).token, claimsOf(index));
const strange = await Promise.all(
  Array.from({ length: 5 }, async (_, index) => (await strangers.sign(claimsOf(index), 3_600)).token),
);

const encoded = (value: unknown): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const headerValue = fc.constantFrom<unknown>(
  'HS256',
  'none',
  'HS512',
  'RS256',
  'JWT',
  '',
  null,
  1,
  true,
  {},
  [],
  ['b64'],
  '__proto__',
  'constructor',
  '\0',
);
const header = fc
  .array(fc.tuple(fc.constantFrom('alg', 'kid', 'typ', 'crit', 'b64', 'jwk', 'jku', 'x5u', '__proto__'), headerValue), {
    maxLength: 4,
  })
  .map((entries) => Object.fromEntries([['alg', 'HS256'], ...entries]) as unknown);
/** A token whose header or payload is replaced, or whose signature is taken from another token. */
const forged = fc
  .tuple(
    fc.constantFrom(...signed.keys(), ...strange),
    fc.constantFrom(...signed.keys()),
    fc.oneof(header, anyText),
    fc.constantFrom(0, 1, 2),
  )
  .map(([token, other, part, index]) => {
    const parts = token.split('.');
    if (index === 2) parts[2] = other.split('.')[2]!;
    else parts[index] = encoded(part);
    return parts.join('.');
  });
const token = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(...signed.keys()) },
  { weight: 4, arbitrary: mutated(fc.constantFrom(...signed.keys())) },
  { weight: 1, arbitrary: fc.constantFrom(...strange) },
  { weight: 4, arbitrary: forged },
  { weight: 1, arbitrary: anyText },
);

type Claims = Awaited<ReturnType<typeof tokens.verify>>;

/** Returns the signed part. Base64 allows several spellings of one signature, and each of them makes the same token. */
const bodyOf = (text: string): string => text.split('.').slice(0, 2).join('.');
const bodies = new Map([...signed].map(([text, claims]) => [bodyOf(text), claims]));

export const clientTokens: Target<string, Claims> = {
  name: 'client tokens',
  inputs: token,
  run: (text) => tokens.verify(text),
  judge(text, found) {
    if (found === null) return signed.has(text) ? 'a token of ours was refused' : null;
    const claims = bodies.get(bodyOf(text));
    const { accountId, keyId, scopes, jobIds: only, epoch } = found;
    return claims !== undefined && isDeepStrictEqual({ accountId, keyId, scopes, jobIds: only, epoch }, claims)
      ? null
      : 'a token was accepted that we did not make';
  },
  kindOf: (found) => (found === null ? 'refused' : 'accepted'),
};
