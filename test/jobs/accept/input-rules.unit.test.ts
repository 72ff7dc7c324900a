import { describe, expect, test } from 'vitest';
import { hashInput } from '../../../src/jobs/accept/accept.ts';
import { checkRequest, type MotionRequest } from '../../../src/jobs/accept/input-rules.ts';

const valid: MotionRequest = {
  imageUrl: 'https://a.com/a.png',
  videoUrl: 'https://a.com/a.mp4',
  mode: 'STD',
  characterOrientation: 'IMAGE',
  keepOriginalSound: true,
  watermark: false,
};

const codesOf = (change: Partial<MotionRequest>): string[] => {
  const result = checkRequest({ ...valid, ...change });
  return result.ok ? [] : result.violations.map(({ code, field }) => `${code} ${field.join('.')}`);
};

describe('a URL', () => {
  test.each([
    'https://sourceyoya.wenge.com/2025/06/03/683e9f76e4b0684509ab1aca.jpg',
    'http://example.com',
    'https://münchen.example.org/ü?q=ä#f',
    'https://8.8.8.8/a',
    'https://[2606:4700::1111]/a',
    'https://172.15.255.255/', // just outside 172.16/12
    'https://172.32.0.0/',
    'https://100.63.255.255/', // just outside 100.64/10
    'https://local.example.com/',
    'https://example.com./',
    'https://[::ffff:8.8.8.8]/',
  ])('%s is accepted', (imageUrl) => expect(codesOf({ imageUrl })).toEqual([]));

  test.each([
    '',
    'a.png',
    '//a.com/a.png',
    'ftp://a.com/a',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'data:image/png;base64,AA',
    `data:image/png;base64,${'A'.repeat(3_000)}`,
    `blob:${'a'.repeat(100_000)}`,
    'https://',
    'http://a b/',
    'https://a.com/\ud800',
    // URLs that another parser may read as a different host, or as none.
    'https:a.com/a',
    'https:/a.com/a',
    'https:///a.com/a',
    'https:\\\\a.com/a',
    'https://a.com\\@b.com/a',
    'https://a.com/a\\b',
    'https://a.com?x@b.com/a',
    'https://a.com#x@b.com/a',
    'https://a.com?\\@b.com/a',
    'https://a.com/a\tb',
    'https://a.c\nom/a',
    'ht\ntps://a.com/a',
    'https://a.com/a\0',
    ' https://a.com/a',
    'https://a.com/a\n',
    'https://a.com/a b.png',
    'https://a.com/?q=a b',
    'https://%61.com/a',
    'https://134744072/',
    'https://8.8.8.010/',
    'https://0x08.8.8.8/',
    'https://8.8.2056/',
    'https://a\u3002com/',
    'https://\uff41.com/',
    'https://a\u00ad.com/',
  ])('%s is not valid', (imageUrl) => expect(codesOf({ imageUrl })).toEqual(['INVALID_URL input.imageUrl']));

  test.each([
    'http://localhost/a',
    'http://LOCALHOST/a',
    'http://localhost./a',
    'http://api.localhost',
    'http://intranet/a',
    'http://printer.local',
    'http://vault.internal',
    'http://router.home.arpa',
    'http://a.test',
    'http://a.onion',
    'http://127.0.0.1',
    'http://127.1',
    'http://0x7f000001',
    'http://2130706433',
    'http://0177.0.0.1',
    'http://0.0.0.0',
    'http://10.1.2.3',
    'http://172.16.0.1',
    'http://172.31.255.255',
    'http://192.168.0.1',
    'http://169.254.169.254/latest/meta-data',
    'http://100.64.0.1',
    'http://192.0.2.1',
    'http://198.18.0.1',
    'http://203.0.113.9',
    'http://224.0.0.1',
    'http://255.255.255.255',
    'http://240.0.0.1',
    'http://１２７.０.０.１',
    'http://[::]',
    'http://[::1]',
    'http://[::ffff:127.0.0.1]',
    'http://[::ffff:7f00:1]',
    'http://[fe80::1]',
    'http://[fc00::1]',
    'http://[fd12::1]',
    'http://[ff02::1]',
    'http://[64:ff9b::7f00:1]',
    'http://[2002:7f00:1::]',
    'http://[2001::1]',
    'http://[2001:db8::1]',
    // Obsolete notations of IPv4 in IPv6, and unassigned blocks.
    'http://[::127.0.0.1]',
    'http://[::a00:1]',
    'http://[::ffff:0:7f00:1]',
    'http://[fe00::1]',
    'http://[4000::1]',
    'http://[1::1]',
    'http://168.63.129.16', // Azure's platform service, for its virtual machines
    'http://localhost../',
    'http://127.0.0.1../',
    'http://a..com',
    'http://.com',
    'http://../',
    'http://localhost.localdomain',
  ])('%s is not public', (imageUrl) => expect(codesOf({ imageUrl })).toEqual(['PRIVATE_ADDRESS input.imageUrl']));

  test('must not contain credentials', () => {
    expect(codesOf({ imageUrl: 'https://user@a.com/', videoUrl: 'https://:pass@a.com/' })).toEqual([
      'URL_HAS_CREDENTIALS input.imageUrl',
      'URL_HAS_CREDENTIALS input.videoUrl',
    ]);
    expect(codesOf({ imageUrl: 'https://@a.com/', videoUrl: 'https://x:y@z@a.com:80/' })).toEqual([
      'URL_HAS_CREDENTIALS input.imageUrl',
      'URL_HAS_CREDENTIALS input.videoUrl',
    ]);
  });

  test('has at most 2,048 characters, counted before percent-encoding', () => {
    const ofLength = (length: number) => `https://a.com/${'x'.repeat(length - 14)}`;
    expect(codesOf({ imageUrl: ofLength(2048) })).toEqual([]);
    expect(codesOf({ imageUrl: ofLength(2049) })).toEqual(['TOO_LONG input.imageUrl']);
    expect(codesOf({ imageUrl: `https://a.com/${'ü'.repeat(2034)}` })).toEqual([]);
    expect(codesOf({ imageUrl: `https://a.com/${'ü'.repeat(2035)}` })).toEqual(['TOO_LONG input.imageUrl']);
  });

  test.each([
    "https://a.com/a.png?sig=a'b",
    'HTTPS://A.Com:443/x/../b/./c.png',
    'https://a.com/%7euser/%2F%2e%2e/a%20b.png?q=%7e+%2B|{}[]^`"<>&e=',
    'https://a.com',
    'https://a.com?a=b#c',
    'https://a.com:/a.png',
    'https://a.com:0443/a.png',
    'https://a.com/ü/日本.png?q=ä#ö',
    'https://MÜNCHEN.de/a.png',
    'https://stra\u00dfe.de/a.png',
    'https://xn--mnchen-3ya.de/a.png',
    'https://[2606:4700:0:0::1111]/a.png',
    'https://a.com/?q=x\\y',
    'https://a.com/@user/a.png',
    'https://a.com/a.png?to=x@y.com',
  ])('is stored exactly as it was sent: %s', (url) => {
    expect(checkRequest({ ...valid, imageUrl: url, videoUrl: url.replaceAll('.png', '.mp4') })).toMatchObject({
      ok: true,
      request: { input: { imageUrl: url, videoUrl: url.replaceAll('.png', '.mp4') } },
    });
  });

  test('in an equivalent spelling is the same input for an idempotency key', () => {
    const hashOf = (imageUrl: string): string => {
      const checked = checkRequest({ ...valid, imageUrl });
      if (!checked.ok) throw new Error(imageUrl);
      return hashInput(checked.request);
    };
    expect(hashOf("HTTPS://a.com:443/a.png?s=a'b")).toBe(hashOf('https://a.com/a.png?s=a%27b'));
    expect(hashOf('https://a.com/a.png')).not.toBe(hashOf('https://a.com/A.png'));
  });

  test.each([
    'a.webp',
    'a.gif',
    'A.WEBP',
    'a.Gif',
    'a.b.avif',
    'a.png.webp',
    'a%2Ewebp',
    'a.svg',
    'a.heic',
    'a.bmp',
    'a.tiff',
    'a.pdf',
    'a.mp4',
    'a.mov',
    'a.gif?format=.png',
    'a.webp#a.png',
  ])('of an image that ends in an unsupported format is rejected: %s', (name) => {
    expect(codesOf({ imageUrl: `https://a.com/x.png/${name}` })).toEqual(['INVALID_FORMAT input.imageUrl']);
  });

  test.each(['a.webm', 'a.avi', 'a.MKV', 'a.gif', 'a.mp3', 'a.m3u8', 'a.png', 'a.jpg?x=.mp4', 'a.flv'])(
    'of a video that ends in an unsupported format is rejected: %s',
    (name) => {
      expect(codesOf({ videoUrl: `https://a.com/x.mp4/${name}` })).toEqual(['INVALID_FORMAT input.videoUrl']);
    },
  );

  test.each([
    'a',
    'a.png',
    'a.JPG',
    'a.jpeg',
    'a.jfif',
    'image.php?f=a.webp',
    'v1.2',
    'a.webp/',
    'a.png:large',
    'a.%zz',
    '.png',
    'gif',
    'a.gif@2x',
    'a.',
  ])('of an image that does not end in an unsupported format is accepted: %s', (name) => {
    expect(codesOf({ imageUrl: `https://a.com/${name}` })).toEqual([]);
  });

  test.each(['a', 'a.mp4', 'a.MOV', 'a.qt', 'play.ashx', 'a.mp4?x=.webm'])(
    'of a video that does not end in an unsupported format is accepted: %s',
    (name) => {
      expect(codesOf({ videoUrl: `https://a.com/${name}` })).toEqual([]);
    },
  );
});

describe('the rules for the other fields', () => {
  test('limit a prompt to 2,500 characters, counted as code points', () => {
    expect(codesOf({ prompt: '😀'.repeat(2500) })).toEqual([]);
    expect(codesOf({ prompt: '😀'.repeat(2501) })).toEqual(['TOO_LONG input.prompt']);
  });

  test('treat an empty prompt as no prompt', () => {
    expect(checkRequest({ ...valid, prompt: '' })).toMatchObject({ ok: true, request: { input: { prompt: null } } });
  });

  test.each(['a\0b', 'a\ud800b'])('reject text that cannot be stored: %j', (text) => {
    expect(codesOf({ prompt: text, labels: [{ key: 'k', value: text }] })).toEqual([
      'INVALID_FORMAT input.prompt',
      'INVALID_FORMAT input.labels.0.value',
    ]);
  });

  test('allow 16 labels, with keys of 1 to 64 characters and values of up to 256', () => {
    const labels = Array.from({ length: 16 }, (_, index) => ({
      key: `${'k'.repeat(62)}${String(index).padStart(2, '0')}`,
      value: 'v'.repeat(256),
    }));
    expect(codesOf({ labels })).toEqual([]);
    expect(codesOf({ labels: [...labels, { key: 'one-more', value: '' }] })).toEqual(['TOO_MANY input.labels']);
    expect(codesOf({ labels: [{ key: 'k'.repeat(65), value: 'v'.repeat(257) }] })).toEqual([
      'TOO_LONG input.labels.0.key',
      'TOO_LONG input.labels.0.value',
    ]);
    expect(
      codesOf({
        labels: [
          { key: '', value: '' },
          { key: 'Upper', value: '' },
        ],
      }),
    ).toEqual(['INVALID_FORMAT input.labels.0.key', 'INVALID_FORMAT input.labels.1.key']);
  });

  test('require an idempotency key to have 1 to 255 visible ASCII characters', () => {
    expect(codesOf({ idempotencyKey: '~'.repeat(255) })).toEqual([]);
    for (const idempotencyKey of ['', '~'.repeat(256), 'a b', 'ü', 'a\n'])
      expect(codesOf({ idempotencyKey }), idempotencyKey).toEqual(['INVALID_FORMAT input.idempotencyKey']);
  });
});
