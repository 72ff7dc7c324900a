import { describe, expect, test } from 'vitest';
import { createCallbackUrls } from '../../src/upstream/callback-url.ts';

const [OLD, NEW] = ['an old secret of thirty-two characters', 'a new secret of thirty-two characters'];
const JOB = '0199aaaa-0000-7000-8000-000000000000';
const urlsOf = (...secrets: string[]) => createCallbackUrls(secrets, () => 'https://gateway.example.com/base/');
const tokenOf = (url: string | null) => url!.split('/').at(-1)!;

describe('a callback URL', () => {
  test('contains its job and attempt below the public URL', () => {
    const url = urlsOf(OLD).urlFor(JOB, 3);
    expect(url).toMatch(
      new RegExp(`^https://gateway\\.example\\.com/base/callbacks/${JOB}/3\\.[\\w-]{8}\\.[\\w-]{43}$`),
    );
    expect(urlsOf(OLD).verify(JOB, tokenOf(url))).toEqual({ jobId: JOB, attempt: 3 });
    expect(urlsOf(OLD).verifyUrl(url!)).toEqual({ jobId: JOB, attempt: 3 });
  });

  test('is null if the upstream cannot reach the gateway', () => {
    expect(createCallbackUrls([OLD], () => null).urlFor(JOB, 1)).toBeNull();
  });

  test('survives a rotation of the secret while the old secret is still listed', () => {
    const before = tokenOf(urlsOf(OLD).urlFor(JOB, 1));
    expect(urlsOf(NEW, OLD).verify(JOB, before)).toEqual({ jobId: JOB, attempt: 1 });
    expect(urlsOf(NEW).verify(JOB, before)).toBeNull();
    expect(urlsOf(OLD).verify(JOB, tokenOf(urlsOf(NEW, OLD).urlFor(JOB, 1)))).toBeNull();
  });

  test('is rejected if any one character is changed', () => {
    const urls = urlsOf(OLD);
    const token = tokenOf(urls.urlFor(JOB, 1));
    for (let index = 0; index < token.length; index += 1) {
      // The last of the 43 base64 characters has two bits that decoding ignores. The text is compared, so a change to
      // these bits counts too.
      for (const other of ['A', 'z', '0', '.']) {
        if (other === token[index]) continue;
        expect(
          urls.verify(JOB, token.slice(0, index) + other + token.slice(index + 1)),
          `${index} ${other}`,
        ).toBeNull();
      }
    }
  });

  test.each([
    'https://gateway.example.com/callbacks/',
    `https://gateway.example.com/callbacks/${JOB}/`,
    'nonsense',
    '',
  ])('is not recognized in %s', (url) => {
    expect(urlsOf(OLD).verifyUrl(url)).toBeNull();
  });
});

describe('the text of a callback URL', () => {
  const urls = createCallbackUrls(['a secret of the tests'], () => 'https://gw.example.com///');
  const fixed =
    'https://gw.example.com/callbacks/0199aaaa-0000-7000-8000-000000000000/1.aLv7FBTk.y_GVO7vuk9ImaGbom207ODH9u_Ii6fGp5nRtxfwL6Aw';

  test('is stable across releases', () => {
    expect(urls.urlFor(JOB, 1)).toBe(fixed);
    expect(urls.verifyUrl(fixed)).toEqual({ jobId: JOB, attempt: 1 });
  });

  test('has an attempt from 1 to 999,999,999 without leading zeros', () => {
    const token = (attempt: number) => urls.urlFor(JOB, attempt)!.split('/').at(-1)!;
    expect(urls.verify(JOB, token(999_999_999))).toEqual({ jobId: JOB, attempt: 999_999_999 });
    expect(urls.verify(JOB, token(10))).toEqual({ jobId: JOB, attempt: 10 });
    for (const bad of [
      token(1_000_000_000),
      token(0),
      `0${token(1)}`,
      `x${token(1)}`,
      `${token(1)}x`,
      token(1).replace('1.', '2.'),
      ` ${token(1)}`,
    ])
      expect(urls.verify(JOB, bad), bad).toBeNull();
    expect(urls.verify(`${JOB.slice(0, -1)}1`, token(1))).toBeNull();
  });

  test('is verified below any host when the upstream echoes it, but not with a suffix', () => {
    const [, path] = fixed.split('gw.example.com');
    expect(urls.verifyUrl(`http://another${path}`)).toEqual({ jobId: JOB, attempt: 1 });
    for (const bad of [
      `${fixed}/`,
      `${fixed}?a`,
      `${fixed}#a`,
      fixed.replace('/callbacks/', '/callback/'),
      fixed.replace(JOB, JOB.slice(1)),
    ])
      expect(urls.verifyUrl(bad), bad).toBeNull();
  });

  test('requires a secret', () => {
    expect(() => createCallbackUrls([], () => null)).toThrow('callback URLs need a secret');
  });
});
