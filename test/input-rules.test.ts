import { describe, expect, test } from 'vitest';
import { checkRequest, type MotionRequest } from '../src/jobs/input-rules.ts';

const valid: MotionRequest = { imageUrl: 'https://a.com/a.png', videoUrl: 'https://a.com/a.mp4', mode: 'STD', characterOrientation: 'IMAGE', keepOriginalSound: true, watermark: false };

const codesOf = (change: Partial<MotionRequest>): string[] => {
  const result = checkRequest({ ...valid, ...change });
  return result.ok ? [] : result.violations.map(({ code, field }) => `${code} ${field.join('.')}`);
};

describe('a URL', () => {
  test.each([
    'https://sourceyoya.wenge.com/2025/06/03/683e9f76e4b0684509ab1aca.jpg',
    'http://example.com',
    'https://münchen.example.com/ü?q=ä#f',
    'https://8.8.8.8/a',
    'https://[2606:4700::1111]/a',
    'https://172.15.255.255/', // just outside 172.16/12
    'https://172.32.0.0/',
    'https://100.63.255.255/', // just outside 100.64/10
    'https://local.example.com/',
    'https://example.com./',
    'https://[::ffff:8.8.8.8]/',
  ])('%s may be fetched', (imageUrl) => expect(codesOf({ imageUrl })).toEqual([]));

  test.each(['', 'a.png', '//a.com/a.png', 'ftp://a.com/a', 'file:///etc/passwd', 'javascript:alert(1)', 'data:image/png;base64,AA', 'https://', 'http://a b/', 'https://a.com/\ud800'])('%s is none', (imageUrl) =>
    expect(codesOf({ imageUrl })).toEqual(['INVALID_URL input.imageUrl']),
  );

  test.each([
    'http://localhost/a', 'http://LOCALHOST/a', 'http://localhost./a', 'http://api.localhost', 'http://intranet/a', 'http://printer.local', 'http://vault.internal', 'http://router.home.arpa', 'http://a.test', 'http://a.onion',
    'http://127.0.0.1', 'http://127.1', 'http://0x7f000001', 'http://2130706433', 'http://0177.0.0.1', 'http://0.0.0.0', 'http://10.1.2.3', 'http://172.16.0.1', 'http://172.31.255.255', 'http://192.168.0.1',
    'http://169.254.169.254/latest/meta-data', 'http://100.64.0.1', 'http://192.0.2.1', 'http://198.18.0.1', 'http://203.0.113.9', 'http://224.0.0.1', 'http://255.255.255.255', 'http://240.0.0.1', 'http://１２７.０.０.１',
    'http://[::]', 'http://[::1]', 'http://[::ffff:127.0.0.1]', 'http://[::ffff:7f00:1]', 'http://[fe80::1]', 'http://[fc00::1]', 'http://[fd12::1]', 'http://[ff02::1]', 'http://[64:ff9b::7f00:1]', 'http://[2002:7f00:1::]', 'http://[2001::1]', 'http://[2001:db8::1]',
    // IPv4 in IPv6 as it was once written, and blocks that nobody was given.
    'http://[::127.0.0.1]', 'http://[::a00:1]', 'http://[::ffff:0:7f00:1]', 'http://[fe00::1]', 'http://[4000::1]', 'http://[1::1]',
    'http://168.63.129.16', // Azure's own, to its machines
    'http://localhost../', 'http://127.0.0.1../', 'http://a..com', 'http://.com', 'http://../', 'http://localhost.localdomain',
  ])('%s is not public', (imageUrl) => expect(codesOf({ imageUrl })).toEqual(['PRIVATE_ADDRESS input.imageUrl']));

  test('carries no credentials', () => {
    expect(codesOf({ imageUrl: 'https://user@a.com/', videoUrl: 'https://:pass@a.com/' })).toEqual(['URL_HAS_CREDENTIALS input.imageUrl', 'URL_HAS_CREDENTIALS input.videoUrl']);
  });

  test('has at most 2,048 characters, as it is and as it is sent', () => {
    const ofLength = (length: number) => `https://a.com/${'x'.repeat(length - 14)}`;
    expect(codesOf({ imageUrl: ofLength(2048) })).toEqual([]);
    expect(codesOf({ imageUrl: ofLength(2049) })).toEqual(['TOO_LONG input.imageUrl']);
    expect(codesOf({ imageUrl: `https://a.com/${'ü'.repeat(1000)}` })).toEqual(['TOO_LONG input.imageUrl']);
  });

  test('is stored as WHATWG spells it', () => {
    const result = checkRequest({ ...valid, imageUrl: ' HTTPS://A.com:443/x/../b c.png\n' });
    expect(result).toMatchObject({ ok: true, request: { input: { imageUrl: 'https://a.com/b%20c.png' } } });
  });
});

describe('the other fields', () => {
  test('a prompt has at most 2,500 characters, counted as people do', () => {
    expect(codesOf({ prompt: '😀'.repeat(2500) })).toEqual([]);
    expect(codesOf({ prompt: '😀'.repeat(2501) })).toEqual(['TOO_LONG input.prompt']);
  });

  test('an empty prompt is none', () => {
    expect(checkRequest({ ...valid, prompt: '' })).toMatchObject({ ok: true, request: { input: { prompt: null } } });
  });

  test.each(['a\0b', 'a\ud800b'])('text that cannot be stored is refused: %j', (text) => {
    expect(codesOf({ prompt: text, labels: [{ key: 'k', value: text }] })).toEqual(['INVALID_FORMAT input.prompt', 'INVALID_FORMAT input.labels.0.value']);
  });

  test('labels: 16 of them, keys of 1 to 64, values to 256', () => {
    const labels = Array.from({ length: 16 }, (_, index) => ({ key: `${'k'.repeat(62)}${String(index).padStart(2, '0')}`, value: 'v'.repeat(256) }));
    expect(codesOf({ labels })).toEqual([]);
    expect(codesOf({ labels: [...labels, { key: 'one-more', value: '' }] })).toEqual(['TOO_MANY input.labels']);
    expect(codesOf({ labels: [{ key: 'k'.repeat(65), value: 'v'.repeat(257) }] })).toEqual(['TOO_LONG input.labels.0.key', 'TOO_LONG input.labels.0.value']);
    expect(codesOf({ labels: [{ key: '', value: '' }, { key: 'Upper', value: '' }] })).toEqual(['INVALID_FORMAT input.labels.0.key', 'INVALID_FORMAT input.labels.1.key']);
  });

  test('an idempotency key has 1 to 255 visible characters', () => {
    expect(codesOf({ idempotencyKey: '~'.repeat(255) })).toEqual([]);
    for (const idempotencyKey of ['', '~'.repeat(256), 'a b', 'ü', 'a\n']) expect(codesOf({ idempotencyKey }), idempotencyKey).toEqual(['INVALID_FORMAT input.idempotencyKey']);
  });
});
