import { expect, test } from 'vitest';
import { isPublicAddress, isPublicHost } from '../../src/network/public-address.ts';

test('a public address is complete and belongs to the public network', () => {
  for (const text of ['8.8.8.8', '2606:4700::1111', '::ffff:8.8.8.8', '168.63.129.15'])
    expect(isPublicAddress(text), text).toBe(true);
  for (const text of [
    '10',
    '0x7f.1',
    '',
    'a.com',
    '127.0.0.1',
    '::ffff:127.0.0.1',
    '168.63.129.16',
    '::ffff:168.63.129.16',
    '4000::1',
    '::7f00:1',
  ])
    expect(isPublicAddress(text), text).toBe(false);
  for (const host of ['a.com', 'a.com.', 'mylocalhost.com', 'test.com', '8.8.8.8.', '[2606:4700::1111]', 'a.xtest'])
    expect(isPublicHost(host), host).toBe(true);
  for (const host of [
    'localhost',
    'a.localhost.',
    'a.example',
    'example',
    'a.invalid',
    'printer',
    'a..com',
    '',
    '.',
    '[::1]',
    '127.0.0.1.',
  ])
    expect(isPublicHost(host), host).toBe(false);
});
