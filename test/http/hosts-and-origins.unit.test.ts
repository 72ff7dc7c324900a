import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { createHostCheck } from '../../src/http/host-check.ts';
import { createOriginCheck } from '../../src/http/origin-check.ts';
import { ANY_ORIGIN, isLoopbackOrigin, matchesOrigin, parseOrigin } from '../../src/settings/origins.ts';

describe('the host name of a request', () => {
  const isOurs = createHostCheck([
    'Gateway.example.com',
    'with-port.example.com:8443',
    '*.Example.ORG',
    '::1',
    '[2001:db8::1]',
    'not a name',
  ]);
  test.each([
    ['gateway.example.com', true],
    ['GATEWAY.EXAMPLE.COM:443', true],
    ['with-port.example.com', true],
    ['with-port.example.com:1', true],
    ['a.example.org', true],
    ['example.org', false],
    ['a.b.example.org', false],
    ['[::1]:4000', true],
    ['[2001:db8::1]', true],
    ['[2001:db8:0::1]', true],
    ['other.example.com', false],
    ['gateway.example.com.evil.example', false],
    ['not a name', false],
    ['', false],
    [undefined, false],
  ])('%s is allowed: %s', (host, ours) => expect(isOurs(host)).toBe(ours));

  test('is always allowed if no names are configured', () => {
    expect([createHostCheck(null)(undefined), createHostCheck(null)('any.example')]).toEqual([true, true]);
  });
});

describe('an origin in the settings', () => {
  test.each([
    ['*', '*'],
    ['https://App.Example.com', 'https://app.example.com'],
    ['HTTPS://app.example.com/', 'https://app.example.com'],
    ['https://app.example.com:443', 'https://app.example.com'],
    ['http://app.example.com:80', 'http://app.example.com'],
    ['https://app.example.com:80', 'https://app.example.com:80'],
    ['https://*.example.com', 'https://*.example.com'],
    ['https://*.Example.com:8443', 'https://*.example.com:8443'],
    ['https://*.localhost', 'https://*.localhost'],
    ['http://*.localhost:3000', 'http://*.localhost:3000'],
    ['capacitor://localhost', 'capacitor://localhost'],
    ['chrome-extension://abcdefghijklmnop', 'chrome-extension://abcdefghijklmnop'],
    ['app.example://host:1', 'app.example://host:1'],
    ['https://xn--mnchen-3ya.example', 'https://xn--mnchen-3ya.example'],
    ['https://münchen.example', 'https://xn--mnchen-3ya.example'],
    ['http://[::1]:5173', 'http://[::1]:5173'],
  ])('%s is normalized to %s', (text, parsed) => expect(parseOrigin(text)).toBe(parsed));

  test.each([
    'app.example.com',
    'https://',
    'https://a/b',
    'https://a?b',
    'https://a#b',
    'https://u@a',
    'https://a,https://b',
    'https://*',
    'https://*.com',
    'https://*.1.2',
    'https://a.*.example.com',
    'https://**.example.com',
    'https://*.[::1]',
    'ws://a',
    'wss://a.example',
    'file://a',
    'ftp://a',
    'data://a',
    'blob://a',
    'about://a',
    'https://a:99999',
    'capacitor://a:123456',
    'capacitor://a b',
    '',
    ' https://a',
    'https://a b',
    '://a',
    '1https://a',
    'null',
  ])('%j is invalid', (text) => expect(parseOrigin(text)).toBeNull());
});

describe('the origin of a page', () => {
  const rules = new Set([
    'https://app.example.com',
    'https://*.example.org',
    'http://*.example.net:8080',
    'capacitor://localhost',
  ]);
  test.each([
    ['https://app.example.com', true],
    ['https://app.example.com:443', true],
    ['http://app.example.com', false],
    ['https://app.example.com:8443', false],
    ['https://a.example.org', true],
    ['http://a.example.org', false],
    ['https://example.org', false],
    ['https://a.b.example.org', false],
    ['https://*.example.org', false],
    ['http://a.example.net:8080', true],
    ['http://a.example.net', false],
    ['capacitor://localhost', true],
    ['ionic://localhost', false],
    ['null', false],
    ['', false],
    ['https://.example.org', false],
  ])('%s matches: %s', (origin, matches) => expect(matchesOrigin(rules, origin)).toBe(matches));

  test('always matches if every origin is allowed', () => {
    expect([
      matchesOrigin(new Set([ANY_ORIGIN]), 'null'),
      matchesOrigin(new Set([ANY_ORIGIN]), 'https://a.example'),
    ]).toEqual([true, true]);
  });

  test.each([
    ['http://localhost', true],
    ['https://LOCALHOST:5173', true],
    ['http://127.0.0.1:1', true],
    ['http://[::1]', true],
    ['http://localhost.example', false],
    ['http://a.localhost', false],
    ['http://127.0.0.2', false],
    ['ftp://localhost', false],
    ['http://localhost:', false],
    ['http://localhost/a', false],
    ['xhttp://localhost', false],
  ])('%s is on loopback: %s', (origin, isOfMachine) => expect(isLoopbackOrigin(origin)).toBe(isOfMachine));
});

describe('the origin check', () => {
  const request = (headers: Record<string, string>, remoteAddress = '192.0.2.1') =>
    ({ headers, socket: { remoteAddress } }) as unknown as IncomingMessage;
  const none = { origins: [], allowsLoopback: false, publicUrl: null, trustProxy: null };

  test('allows the origins of the settings, the public URL and the host name that the request was sent to', () => {
    const check = createOriginCheck({
      ...none,
      origins: ['https://app.example.com'],
      publicUrl: 'https://public.example.com/prefix',
    });
    const sent = request({ host: 'gateway.example.com:4000' });
    const allowed = (origin: string) => check.allows(origin, sent);
    expect(
      [
        'https://app.example.com',
        'https://public.example.com',
        'http://gateway.example.com:4000',
        'https://gateway.example.com:4000',
      ].map(allowed),
    ).toEqual([true, true, true, true]);
    expect(
      [
        'https://other.example.com',
        'http://gateway.example.com',
        'http://localhost:5173',
        'ftp://gateway.example.com:4000',
        'null',
        'http://gateway.example.com:4000/',
      ].map(allowed),
    ).toEqual([false, false, false, false, false, true]);
    expect(check.allowsAny).toBe(false);
  });

  test('allows every origin, or every loopback origin, if configured', () => {
    const any = createOriginCheck({ ...none, origins: [ANY_ORIGIN] });
    expect([any.allowsAny, any.allows('https://a.example', request({ host: 'b' }))]).toEqual([true, true]);
    expect(
      createOriginCheck({ ...none, allowsLoopback: true }).allows('http://localhost:5173', request({ host: 'b' })),
    ).toBe(true);
  });

  test('reads the host from the headers of a trusted proxy only', () => {
    const check = createOriginCheck({ ...none, trustProxy: '10.0.0.0/8' });
    const allows = (headers: Record<string, string>, from: string, origin = 'https://public.example.com') =>
      check.allows(origin, request({ host: 'internal', ...headers }, from));
    expect(allows({ 'x-forwarded-host': 'public.example.com' }, '10.0.0.1')).toBe(true);
    expect(allows({ 'x-forwarded-host': 'public.example.com' }, '192.0.2.1')).toBe(false);
    expect(allows({ 'x-forwarded-host': 'evil.example, public.example.com' }, '10.0.0.1')).toBe(true);
    expect(allows({ 'x-forwarded-host': 'public.example.com, other.example' }, '10.0.0.1')).toBe(false);
    expect(
      allows(
        { 'x-forwarded-host': 'public.example.com', 'x-forwarded-port': '8443' },
        '10.0.0.1',
        'https://public.example.com:8443',
      ),
    ).toBe(true);
    expect(
      allows(
        { 'x-forwarded-host': 'public.example.com', 'x-forwarded-port': '8443x' },
        '10.0.0.1',
        'https://public.example.com:8443',
      ),
    ).toBe(false);
    expect(allows({ forwarded: 'for=192.0.2.9;host=public.example.com;proto=https' }, '10.0.0.1')).toBe(true);
    expect(allows({ forwarded: 'host="public.example.com:443"' }, '10.0.0.1')).toBe(true);
    expect(allows({ forwarded: 'host=public.example.com, host=other.example' }, '10.0.0.1')).toBe(false);
    expect(allows({ forwarded: 'xhost=public.example.com' }, '10.0.0.1')).toBe(false);
  });

  test('rejects an invalid or missing host name', () => {
    const check = createOriginCheck(none);
    expect(
      ['a b', 'a/b', 'a?b', 'a#b', 'u@a', 'a\\b', ''].map((host) => check.allows('http://a', request({ host }))),
    ).toEqual([false, false, false, false, false, false, false]);
    expect(check.allows('http://a', request({}))).toBe(false);
  });
});
