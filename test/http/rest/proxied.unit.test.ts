import type { Socket } from 'node:net';
import { expect, test } from 'vitest';
import { createProxyCheck } from '../../../src/http/proxied.ts';

test.each([
  [{}, '1.1', false],
  [{ 'x-forwarded-for': '192.0.2.1' }, '1.1', true],
  [{ 'x-forwarded-host': 'www.example.com' }, '1.1', true],
  [{ 'x-forwarded-proto': 'https' }, '1.1', true],
  [{ 'x-real-ip': '192.0.2.1' }, '1.1', true],
  [{ forwarded: 'for=192.0.2.1;proto=https' }, '1.1', true],
  [{ via: '1.1 varnish' }, '1.1', true],
  [{}, '1.0', true],
  [{ 'x-request-id': '1', host: 'a' }, '1.1', false],
])('a request with headers %j over HTTP/%s came through a proxy: %s', (headers, httpVersion, proxied) => {
  const request = { headers, httpVersion, socket: { remoteAddress: '192.0.2.9' } as Socket };
  expect(createProxyCheck(null)(request)).toBe(proxied);
  expect(createProxyCheck('192.0.2.8')(request)).toBe(proxied);
  expect(createProxyCheck('192.0.2.8, 192.0.2.9')(request)).toBe(true);
});
