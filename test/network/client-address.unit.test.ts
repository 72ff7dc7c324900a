import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { createAddressOf, networkOf } from '../../src/network/client-address.ts';

describe('the network of an address', () => {
  test.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2::', '2001:db8:1:2::/64'],
    ['2001:db8:1:3::1', '2001:db8:1:3::/64'],
    ['fe80::1%eth0', 'fe80::/64'],
    ['203.0.113.7:51234', '203.0.113.7'],
    ['[2001:db8::1]:4711', '2001:db8::/64'],
    ['[2001:db8::1]', '2001:db8::/64'],
    ['[fe80::1%eth0]:443', 'fe80::/64'],
    ['::ffff:192.0.2.7:51234', '192.0.2.7'],
    ['1:2:3:4:5:6:7:443', '1:2:3:4::/64'],
    ['', ''],
    [undefined, ''],
    ['no address', 'no address'],
  ])('%s is %s', (address, network) => expect(networkOf(address)).toBe(network));
});

describe('the address of a request', () => {
  const request = (remoteAddress: string | undefined, forwarded?: string) =>
    ({
      socket: { remoteAddress },
      connection: { remoteAddress },
      headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
    }) as unknown as IncomingMessage;
  test('is that of its connection if no proxy is trusted', () => {
    const addressOf = createAddressOf(null);
    expect([addressOf(request('192.0.2.7', '198.51.100.1')), addressOf(request(undefined))]).toEqual(['192.0.2.7', '']);
  });
  test('is the last untrusted address that a trusted proxy forwards', () => {
    const addressOf = createAddressOf('192.0.2.7, 10.0.0.0/8');
    expect(addressOf(request('192.0.2.7', '203.0.113.9, 198.51.100.1'))).toBe('198.51.100.1');
    expect(addressOf(request('192.0.2.7', '198.51.100.1, 10.1.2.3'))).toBe('198.51.100.1');
    expect(addressOf(request('192.0.2.8', '198.51.100.1'))).toBe('192.0.2.8');
    expect(addressOf(request('192.0.2.7'))).toBe('192.0.2.7');
  });
  const inners = ['192.0.2.7:443', '10.1.2.3:51234', '[2001:db8::5]:4711', '[2001:db8::5]', '2001:db8::5'];
  test.each(inners)('is found behind the trusted inner proxy %s', (inner) => {
    const addressOf = createAddressOf('192.0.2.7, 10.0.0.0/8, 2001:db8::5');
    expect(networkOf(addressOf(request('192.0.2.7', `203.0.113.9:80, 198.51.100.1:4711, ${inner}`)))).toBe(
      '198.51.100.1',
    );
  });
  test('is that of an inner proxy that is not trusted', () => {
    const addressOf = createAddressOf('192.0.2.7, 2001:db8::5');
    expect(networkOf(addressOf(request('192.0.2.7', '198.51.100.1, [2001:db8::6]:4711')))).toBe('2001:db8::/64');
    expect(addressOf(request(undefined, '198.51.100.1'))).toBeUndefined();
  });
});
