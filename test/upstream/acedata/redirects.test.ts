/** Redirects by the upstream: none is followed, and the target is reported without secrets. */
import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { startRawUpstream } from '../../support/raw-upstream.ts';
import { attempt, clientOf, never, submitTo } from '../../support/upstream-client.ts';

const redirecting = (status: number, location: string) => (socket: Socket) =>
  void socket.end(
    `HTTP/1.1 ${status} X\r\n${location === '' ? '' : `location: ${location}\r\n`}content-length: 0\r\n\r\n`,
  );

describe('a redirect', () => {
  test.each([301, 302, 307, 308])(
    'by %i refuses the submit, is not followed, and names the setting to check',
    async (status) => {
      const { end, arrived } = await submitTo(redirecting(status, 'https://www.example.com/kling/motion'));
      expect(end).toEqual({
        kind: 'refused',
        refusal: {
          kind: 'blocked',
          reason: 'redirected to https://www.example.com/kling/motion, check ACEDATA_BASE_URL',
        },
        httpStatus: status,
        traceId: null,
      });
      expect(arrived).toBe(1);
    },
  );

  test.each([
    ['https://user:pass@a.com/login?token=secret#secret', 'https://a.com/login'],
    ['//a.com/x?sig=secret', 'http://a.com/x'],
    ['ftp://user:secret@a.com/secret', 'ftp:...'],
    ['http://[', 'nowhere'],
    ['', 'nowhere'],
    ['https://a.com/secret-token-0123456789/x', 'https://a.com/[redacted]/x'],
    ['https://a.com/secret-token-0123456789/secret-token-0123456789', 'https://a.com/[redacted]/[redacted]'],
  ])('to %s is reported without secrets, for submits and look-ups', async (location, reported) => {
    const upstream = await startRawUpstream(redirecting(302, location));
    const client = clientOf(upstream.url, { token: 'secret-token-0123456789' });
    expect(await client.submit(attempt, never)).toMatchObject({
      refusal: { kind: 'blocked', reason: `redirected to ${reported}, check ACEDATA_BASE_URL` },
    });
    await expect(client.lookUp(['a', 'b', 'c'], never)).rejects.toThrow(
      `redirected to ${reported}, check ACEDATA_BASE_URL`,
    );
    expect(upstream.requests.length, 'no id is looked up alone').toBe(2);
  });

  test('to a path of the same host is reported as an absolute URL', async () => {
    const upstream = await startRawUpstream(redirecting(308, '/v2/kling/motion?key=secret'));
    expect(await clientOf(`${upstream.url}/`).submit(attempt, never)).toMatchObject({
      refusal: { reason: `redirected to ${upstream.url}/v2/kling/motion, check ACEDATA_BASE_URL` },
    });
  });
});
