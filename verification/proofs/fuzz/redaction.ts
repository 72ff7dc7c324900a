/**
 * Bodies that contain signed links and callback URLs in any spelling. The redacted text must not grant access to
 * anything.
 */
import fc from 'fast-check';
import { redactText } from '../../../src/upstream/acedata/redact.ts';
import type { Target } from './target.ts';
import { anyText } from './texts.ts';

interface Body {
  readonly text: string;
  /** Must not appear in the redacted text. */
  readonly secret: string;
}

const secret = fc.stringMatching(/^[A-Za-z0-9]{24}$/, { size: 'max' }).map((text) => `Sig${text}`);
/** A query may contain any character unencoded, as far as the surrounding JSON allows it. */
const value = fc.oneof(
  fc.constantFrom(
    '',
    '1',
    "O'Neil",
    'a b',
    'a\tb',
    'C:\\new',
    'ü',
    '😀',
    '(1)',
    'a/b',
    'x?y',
    '%2F',
    '\0',
    'a"b',
    '{}',
    '$&',
    '=',
    '+',
  ),
  fc.string({ maxLength: 6 }),
);
const name = fc.constantFrom('t', 'Expires', 'X-Amz-Date', 'q-sign-algorithm', 'Key-Pair-Id', 'a b', "it's", '');
const host = fc.constantFrom('cdn.example.com', 'a.com:8443', '[2606:4700::1111]', 'münchen.example.com', '8.8.8.8');
const path = fc.constantFrom('', '/', '/a.mp4', '/a/b c.mp4', "/it's.mp4", '/ü/%3D.mp4', '/a#b', '/\0');
const scheme = fc.constantFrom('https://', 'http://', 'HTTPS://', 'https:/', 'https:\\\\');
const signName = fc.constantFrom('sign', 'Signature', 'X-Amz-Signature', 'q-signature', 'sig', 'token', 'auth_key', '');

const parameter = fc.tuple(name, value).map((pair) => pair.join('='));
const parameters = fc.array(parameter, { maxLength: 3 });

/** A signed link with the secret at any position of the query. */
const signed = fc
  .tuple(scheme, host, path, parameters, signName, parameters, secret)
  .map(([begin, where, what, before, sign, after, hidden]) => ({
    secret: hidden,
    link: `${begin}${where}${what}?${[...before, `${sign}=${hidden}`, ...after].join('&')}`,
  }));

const callbackUrl = fc.tuple(fc.uuid(), fc.integer({ min: 1, max: 999 }), secret).map(([id, attempt, hidden]) => ({
  secret: hidden,
  link: `https://gateway.example.com/callbacks/${id}/${attempt}.AbC_-9zz.${hidden}-_9`,
}));

/** Replaces white space and quotes, which a link cannot contain where only white space delimits it. */
const bare = (link: string): string => link.replace(/[\s"]/g, '+');

const asAttribute = (link: string): string =>
  link.replaceAll('\\', '%5C').replaceAll('"', '&quot;').replaceAll("'", '&#39;');

const encoders: Readonly<Record<string, (link: string) => string>> = {
  plain: (link) => JSON.stringify(link),
  'escaped slashes': (link) => JSON.stringify(link).replaceAll('/', '\\/'),
  'escaped for HTML': (link) =>
    JSON.stringify(link).replace(/[<>&='?]/g, (sign) => `\\u00${sign.charCodeAt(0).toString(16)}`),
  'escaped punctuation': (link) =>
    `"${[...JSON.stringify(link).slice(1, -1).replace(/\\./g, '+')].map((sign) => (/[\w]/.test(sign) || sign > '\x7f' ? sign : `\\u00${sign.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()}`)).join('')}"`,
  'JSON in JSON': (link) => JSON.stringify(JSON.stringify({ url: link, n: 1 })),
  'JSON in JSON in JSON': (link) =>
    JSON.stringify(JSON.stringify({ raw: JSON.stringify([link]) })).replaceAll('/', '\\/'),
  'in words': (link) => JSON.stringify(`could not fetch ${bare(link)} (403)`),
  'in single quotes': (link) => `{'url':'${link.replace(/['"\\\0]/g, '+')}','n':1}`,
  'percent-encoded': (link) => `n=1&url=${encodeURIComponent(link.toWellFormed())}&m=2`,
  'percent-encoded twice': (link) =>
    JSON.stringify(`https://proxy.example.com/${encodeURIComponent(encodeURIComponent(link.toWellFormed()))}`),
  HTML: (link) => `<a href="${asAttribute(link)}">x</a> <a href='${asAttribute(link)}'>`,
  'after blanks': (link) => JSON.stringify(`  ${link}`),
};

const around = fc.tuple(
  fc.oneof(
    fc.constant('{"task_id":"a","video_url":'),
    fc.constant('{"error":{"message":"what? \\"x\\" https://a.com/b"},"data":'),
    anyText.map((text) => `[${JSON.stringify(text.replaceAll("'", ''))},`),
  ),
  fc.constantFrom(',"n":1}', '}', '', ',"u":"https://b.com/c?d"}'),
);
const hidden = fc
  .tuple(
    fc.oneof({ weight: 4, arbitrary: signed }, { weight: 1, arbitrary: callbackUrl }),
    fc.constantFrom(...Object.keys(encoders)),
    around,
    fc.constantFrom(0, 0, 0, 1, 7),
  )
  .map(([{ link, secret: sign }, how, [before, after], cut]): Body => {
    const text = before + encoders[how]!(link) + after;
    return { text: cut === 0 ? text : text.slice(0, -cut), secret: sign };
  });
/** Repetitions of the pieces that a hostile body may consist of. */
const repeated = fc
  .tuple(
    fc.array(
      fc.constantFrom(
        'http',
        'https:',
        '//',
        '\\',
        '\\/',
        '"',
        "'",
        ' ',
        '?',
        '%25',
        '%',
        '3a',
        '\\u003a',
        '\\x',
        '/callbacks/',
        '0199aaaa-0000-7000-8000-000000000000',
        'a',
      ),
      { minLength: 1, maxLength: 5 },
    ),
    fc.integer({ min: 1_000, max: 65_536 }),
  )
  .map(([parts, length]): Body => {
    const part = parts.join('');
    return { text: part.repeat(Math.ceil(length / part.length)).slice(0, length), secret: 'none such' };
  });

export const redaction: Target<Body, string> = {
  name: 'redacting callbacks',
  inputs: fc.oneof(
    { weight: 180, arbitrary: hidden },
    { weight: 20, arbitrary: anyText.map((text): Body => ({ text, secret: 'none such' })) },
    { weight: 1, arbitrary: repeated },
  ),
  run: ({ text }) => redactText(text),
  judge({ text, secret: sign }, kept) {
    if (kept.includes(sign)) return 'a secret is kept';
    if (kept.includes('\0')) return 'NUL is kept';
    if (!/https?|callbacks/i.test(text.replaceAll('\0', '')) && kept !== text.replaceAll('\0', ''))
      return 'a body without a link was changed';
    return redactText(kept) === kept ? null : 'redacting once more changes it';
  },
  kindOf: (kept) => (kept.includes('[redacted]') ? 'redacted' : 'nothing to redact'),
};
