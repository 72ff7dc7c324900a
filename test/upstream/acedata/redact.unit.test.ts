/** Redaction of external text: what is stored and shown contains no secrets of links. */
import { describe, expect, test } from 'vitest';
import { redactText } from '../../../src/upstream/acedata/redact.ts';
import { TASK_ID } from '../../fixtures/wire.ts';

const JOB = '0199aaaa-0000-7000-8000-000000000000';

describe('the redaction of external text', () => {
  test.each([
    ['no link at all', 'no link at all'],
    ['https://a.com/x.mp4', 'https://a.com/x.mp4'],
    ['see https://a.com/x.mp4?sign=secret now', 'see https://a.com/x.mp4?[redacted] now'],
    ['http://a.com/?', 'http://a.com/?[redacted]'],
    ['HTTP://A.com/x?sign=secret', 'HTTP://A.com/x?[redacted]'],
    ['a question? https://a.com', 'a question? https://a.com'],
    ['https://a.com then a question?', 'https://a.com then a question?'],
    ['https://a.com/1?x https://b.com/2?y', 'https://a.com/1?[redacted] https://b.com/2?[redacted]'],
    ['https://a.com/?to=https://b.com/?secret z', 'https://a.com/?[redacted] z'],
    ['{"url":"https://a.com/x?sign=a b","next":1}', '{"url":"https://a.com/x?[redacted]","next":1}'],
    ["{'url': ' https://a.com/x?sign=a b','next':1}", "{'url': ' https://a.com/x?[redacted]','next':1}"],
    [
      String.raw`{"body":"{\"url\":\"https://a.com/x?sign=a b\",\"n\":1}"}`,
      String.raw`{"body":"{\"url\":\"https://a.com/x?[redacted]\",\"n\":1}"}`,
    ],
    [
      String.raw`{"url":"https://a.com/x?q=\"a b\"&sign=secret","n":1}`,
      String.raw`{"url":"https://a.com/x?[redacted]","n":1}`,
    ],
    [String.raw`{"url":"https:\/\/a.com\/x\u003fsign=secret"}`, String.raw`{"url":"https:\/\/a.com\/x?[redacted]"}`],
    [
      String.raw`{"url":"https\u003a\u002f\u002fa.com\x3fsign=secret"}`,
      String.raw`{"url":"https\u003a\u002f\u002fa.com?[redacted]"}`,
    ],
    ['https%3A%2F%2Fa.com%2Fx%3Fsign%3Dsecret', 'https%3A%2F%2Fa.com%2Fx?[redacted]'],
    ['https%253A%252F%252Fa.com%253Fsecret', 'https%253A%252F%252Fa.com?[redacted]'],
    ['"https://a.com/x?never closed', '"https://a.com/x?[redacted]'],
    ['https://a.com/x\0?a', 'https://a.com/x?[redacted]'],
    ['a\0b\0', 'ab'],
  ])('removes query strings of links from %j', (text, kept) => expect(redactText(text)).toBe(kept));

  test.each([
    [`https://gw.example.com/callbacks/${JOB}/1.AAAAAAAA.mac`, `https://gw.example.com/callbacks/${JOB}/[redacted]`],
    [`"/callbacks/${JOB}/1.AAAAAAAA.mac" and more`, `"/callbacks/${JOB}/[redacted]" and more`],
    [`CALLBACKS/${JOB.toUpperCase()}/1.mac`, `CALLBACKS/${JOB.toUpperCase()}/[redacted]`],
    [`callbacks\\/${JOB}\\/1.mac"`, `callbacks\\/${JOB}\\/[redacted]"`],
    [`callbacks%2F${JOB.replaceAll('-', '%2d')}%2F1.mac`, `callbacks%2F${JOB.replaceAll('-', '%2d')}%2F[redacted]`],
    [
      `callbacks\\u002f${JOB.replaceAll('-', '\\u002d')}\\u002f1.mac`,
      `callbacks\\u002f${JOB.replaceAll('-', '\\u002d')}\\u002f[redacted]`,
    ],
    [`callbacks/${JOB}/a callbacks/${JOB}/b`, `callbacks/${JOB}/[redacted] callbacks/${JOB}/[redacted]`],
    [`callbacks/${JOB.slice(1)}/1.mac`, `callbacks/${JOB.slice(1)}/1.mac`],
    [`callbacks/${JOB}/`, `callbacks/${JOB}/`],
  ])('removes tokens of callback URLs from %j', (text, kept) => expect(redactText(text)).toBe(kept));
});

describe('untrusted text', () => {
  test.each([
    [
      'a signed link',
      '{"video_url":"https://cdn.example.com/a.mp4?sign=secret&t=1","n":1}',
      '{"video_url":"https://cdn.example.com/a.mp4?[redacted]","n":1}',
    ],
    [
      'two links',
      "see http://a.com/a?secret and 'https://b.com?secret'",
      "see http://a.com/a?[redacted] and 'https://b.com?[redacted]'",
    ],
    [
      'escaped slashes',
      String.raw`{"video_url":"https:\/\/cdn.example.com\/a.mp4?sign=se\/cret","n":1}`,
      String.raw`{"video_url":"https:\/\/cdn.example.com\/a.mp4?[redacted]","n":1}`,
    ],
    [
      'escaped ampersands',
      String.raw`{"video_url":"https://cdn.example.com/a.mp4?t\u003d1\u0026sign=secret","n":1}`,
      '{"video_url":"https://cdn.example.com/a.mp4?[redacted]","n":1}',
    ],
    [
      'JSON in JSON',
      String.raw`{"raw":"{\"url\":\"https://a.com/a?sign=secret\",\"n\":1}"}`,
      String.raw`{"raw":"{\"url\":\"https://a.com/a?[redacted]\",\"n\":1}"}`,
    ],
    [
      'a callback URL',
      `{"u":"https://g.com/callbacks/${TASK_ID}/1.AbC_-9.secret-_9","n":1}`,
      `{"u":"https://g.com/callbacks/${TASK_ID}/[redacted]","n":1}`,
    ],
    [
      'an escaped callback URL',
      String.raw`"https:\/\/g.com\/callbacks\/${TASK_ID}\/1.k.secret"`,
      String.raw`"https:\/\/g.com\/callbacks\/${TASK_ID}\/[redacted]"`,
    ],
    [
      'JSON with escapes in JSON',
      String.raw`"{\"url\":\"https:\\\/\\\/a.com\\\/a?sign=se\\\/cret\\u0026t=1\",\"n\":1}"`,
      String.raw`"{\"url\":\"https:\\\/\\\/a.com\\\/a?[redacted]\",\"n\":1}"`,
    ],
    [
      'an escaped question mark',
      String.raw`{"u":"https://a.com/a\u003fsign=secret","n":1}`,
      '{"u":"https://a.com/a?[redacted]","n":1}',
    ],
    [
      'slashes escaped by their code points',
      String.raw`{"u":"https\u003A\u002F\u002Fa.com\x2Fa?sign=secret","n":1}`,
      String.raw`{"u":"https\u003A\u002F\u002Fa.com\x2Fa?[redacted]","n":1}`,
    ],
    [
      'a URL with a single slash',
      '{"u":"https:/a.com/a?sign=secret","n":1}',
      '{"u":"https:/a.com/a?[redacted]","n":1}',
    ],
    [
      'an apostrophe before the secret',
      `{"u":"https://a.com/a?by=O'Neil&sign=secret","n":1}`,
      '{"u":"https://a.com/a?[redacted]","n":1}',
    ],
    [
      'blanks and a quote before the secret',
      String.raw`{"u":" https://a.com/a b?by=x y\"z\\&sign=secret","n":1}`,
      '{"u":" https://a.com/a b?[redacted]","n":1}',
    ],
    [
      'a link within a sentence',
      `{"message":"no https://a.com/a?by=O'Neil&sign=secret today","n":1}`,
      '{"message":"no https://a.com/a?[redacted] today","n":1}',
    ],
    [
      'a form-encoded link',
      'n=1&u=https%3A%2F%2Fa.com%2Fa%3Fsign%3Dsecret',
      'n=1&u=https%3A%2F%2Fa.com%2Fa?[redacted]',
    ],
    [
      'a link in a link',
      '"https://b.com/https%253A%252F%252Fa.com%252Fa%253Fsign%253Dsecret"',
      '"https://b.com/https%253A%252F%252Fa.com%252Fa?[redacted]"',
    ],
    [
      'a callback URL with escaped punctuation',
      String.raw`"/callbacks\u002F${TASK_ID.replaceAll('-', '\\u002D')}\u002F1\u002Ek\u002Esecret"`,
      String.raw`"/callbacks\u002F${TASK_ID.replaceAll('-', '\\u002D')}\u002F[redacted]"`,
    ],
    [
      'a form-encoded callback URL',
      `u=https%3A%2F%2Fg.com%2Fcallbacks%2F${TASK_ID}%2F1.k.secret`,
      `u=https%3A%2F%2Fg.com%2Fcallbacks%2F${TASK_ID}%2F[redacted]`,
    ],
    [
      'a truncated link',
      '{"video_url":"https://cdn.example.com/a.mp4?sign=sec',
      '{"video_url":"https://cdn.example.com/a.mp4?[redacted]',
    ],
    ['NUL', 'a\0b', 'ab'],
    ['no link', '{"q":"what? https://a.com/b#c"}', '{"q":"what? https://a.com/b#c"}'],
  ])('is stored without secrets: %s', (_name, sent, kept) => {
    expect(redactText(sent)).toBe(kept);
  });

  test.each([
    'http:',
    ' http:',
    '"http',
    '\\"http://',
    '"http://\\',
    '%25',
    'https%25',
    '\\u003f',
    'callbacks/',
    'callbacks\\',
    '" ',
    'http://',
    'http://a?',
    '/callbacks/',
    '\\',
    'http:\\',
    'https://a?\\',
  ])('is redacted within 500 ms of CPU time if it repeats %j up to 64 KiB', (part) => {
    // CPU time does not include other work on the machine; quadratic time would take seconds.
    const begin = process.cpuUsage();
    redactText(part.repeat(65_536 / part.length));
    expect(process.cpuUsage(begin).user).toBeLessThan(500_000);
  });
});
