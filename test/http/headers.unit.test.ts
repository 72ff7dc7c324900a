import type { IncomingMessage } from 'node:http';
import { describe, expect, test } from 'vitest';
import { credentialsOf } from '../../src/http/websocket/credentials.ts';
import { findHandshakeFault, offersProtocol } from '../../src/http/websocket/handshake.ts';
import { readIdempotencyKey } from '../../src/http/idempotency-key.ts';

describe('an Idempotency-Key', () => {
  test.each([
    ['k', 'k', null],
    ['"k"', 'k', '"k"'],
    [' \t"k" \t', 'k', ' \t"k" \t'],
    ['""', '', '""'],
    [String.raw`"a\"b\\c"`, String.raw`a"b\c`, String.raw`"a\"b\\c"`],
    [String.raw`"a\b"`, String.raw`"a\b"`, null],
    ['"a"b"', '"a"b"', null],
    ['"a', '"a', null],
    ['a"', 'a"', null],
    ["'a'", "'a'", null],
    ['"ä"', '"ä"', null],
    ['"a"; x=1', '"a"; x=1', null],
    ['x"a"', 'x"a"', null],
  ])('of %j is read as %j, with the former key %j', (header, key, formerKey) =>
    expect(readIdempotencyKey(header)).toEqual({ key, formerKey }),
  );
});

describe('the credentials of a socket', () => {
  const of = (payload: unknown, upgrade: Record<string, string> = {}) =>
    credentialsOf(payload as Record<string, unknown>, upgrade);
  test.each([
    [{ authorization: 'a' }, {}, 'a'],
    [{ Authorization: 'a' }, {}, 'a'],
    [{ AUTHORIZATION: 'b', authorization: 'a' }, {}, 'a'],
    [{ authorization: null, Authorization: 'a' }, {}, 'a'],
    [{ authorization: '', Authorization: undefined, AUTHORIZATION: 'a' }, {}, 'a'],
    [{ headers: { authorization: null, Authorization: 'a' } }, { authorization: 'c' }, 'a'],
    [{ headers: { Authorization: 'a' } }, {}, 'a'],
    [{ headers: { authorization: 'b' }, authorization: 'a' }, { authorization: 'c' }, 'a'],
    [{ headers: { authorization: 'b' } }, { authorization: 'c' }, 'b'],
    [{ authorization: '' }, { authorization: 'c' }, 'c'],
    [{ authorization: null }, { authorization: 'c' }, 'c'],
    [{ headers: null }, { authorization: 'c' }, 'c'],
    [{ headers: ['authorization', 'a'] }, {}, undefined],
    [{ headers: 'authorization: a' }, {}, undefined],
    [undefined, { authorization: 'c' }, 'c'],
    [undefined, {}, undefined],
    [{ authorization: 0 }, {}, 0],
  ])('with payload %j and upgrade headers %j contain the authorization %j', (payload, upgrade, authorization) =>
    expect(of(payload, upgrade).authorization).toBe(authorization),
  );

  test('include the account; accountId in the payload takes precedence over X-Account-Id', () => {
    expect(of({ accountId: 'a', 'x-account-id': 'b' }).accountId).toBe('a');
    expect(of({ headers: { 'X-Account-Id': 'b' } }).accountId).toBe('b');
    expect(of(undefined, { 'x-account-id': 'c' }).accountId).toBe('c');
    expect(of({}).accountId).toBeUndefined();
  });

  test('do not include inherited properties', () => {
    expect(of(Object.create({ authorization: 'a' }) as object).authorization).toBeUndefined();
  });
});

describe('an opening handshake', () => {
  const good = { host: 'gateway', 'sec-websocket-version': '13' };
  const fault = (headers: Record<string, string>, httpVersion = '1.1') =>
    findHandshakeFault({ httpVersion, headers } as unknown as IncomingMessage);
  const BAD = '400 Bad Request';
  const UPGRADE = '426 Upgrade Required\r\nsec-websocket-version: 13';

  test('is accepted with a host, version 13 and an empty body', () => {
    expect([fault(good), fault({ ...good, 'content-length': '0' })]).toEqual([null, null]);
  });
  test.each([
    [{ 'sec-websocket-version': '13' }, '1.1', BAD],
    [good, '1.0', BAD],
    [good, '2.0', BAD],
    [{ ...good, 'content-length': '1' }, '1.1', BAD],
    [{ ...good, 'content-length': 'x' }, '1.1', BAD],
    [{ ...good, 'transfer-encoding': 'chunked' }, '1.1', BAD],
    [{ host: 'gateway' }, '1.1', UPGRADE],
    [{ ...good, 'sec-websocket-version': '8' }, '1.1', UPGRADE],
  ])('with headers %j over HTTP/%s is rejected with %j', (headers, httpVersion, status) =>
    expect(fault(headers, httpVersion)).toBe(status),
  );

  test.each([
    [undefined, true],
    ['graphql-transport-ws', true],
    ['graphql-ws, graphql-transport-ws', true],
    ['graphql-ws', false],
    ['graphql-ws,soap', false],
    ['', true],
    ['graphql-ws,,', true],
  ])('that offers the subprotocols %j is accepted: %s', (offered, mayGoOn) =>
    expect(offersProtocol({ headers: { 'sec-websocket-protocol': offered } } as unknown as IncomingMessage)).toBe(
      mayGoOn,
    ),
  );
});
