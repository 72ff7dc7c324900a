/** Bodies of answers that are compressed, too large, or begin with a byte order mark. */
import type { Socket } from 'node:net';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { startRawUpstream } from '../../support/raw-upstream.ts';
import { answering, clientOf, never, packed, submitTo } from '../../support/upstream-client.ts';

describe('the body of an answer', () => {
  const encodings: [string, (body: Buffer) => Buffer][] = [
    ['gzip', gzipSync],
    ['X-GZip', gzipSync],
    ['br', brotliCompressSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
    ['identity', (body) => body],
    ['gzip, br', (body) => brotliCompressSync(gzipSync(body))],
  ];

  test.each(encodings)('is decoded from the encoding %s', async (encoding, pack) => {
    const { end } = await submitTo(packed(200, '{"task_id":"a"}', encoding, pack));
    expect(end).toMatchObject({ kind: 'accepted', taskId: 'a' });
    const refused = await submitTo(packed(403, '{"error":{"code":"used_up","message":"no"}}', encoding, pack));
    expect(refused.end).toMatchObject({ kind: 'refused', refusal: { kind: 'blocked', reason: 'used_up' } });
    const upstream = await startRawUpstream(
      packed(200, '{"items":[{"id":"a","response":{}}],"count":1}', encoding, pack),
    );
    expect([...(await clientOf(upstream.url).lookUp(['a'], never)).keys()]).toEqual(['a']);
  });

  test.each<[string, (socket: Socket) => void]>([
    ['too large after decompression', packed(200, `{"items":[],"more":"${' '.repeat(8_000_000)}"}`, 'gzip', gzipSync)],
    ['too large as sent', answering(200, `{"items":[],"more":"${' '.repeat(5_000_000)}"}`)],
    [
      'compressed three times',
      packed(200, '{"items":[]}', 'gzip, gzip, gzip', (body) => gzipSync(gzipSync(gzipSync(body)))),
    ],
  ])('to a look-up makes the look-up fail if it is %s', async (_name, answer) => {
    const upstream = await startRawUpstream(answer);
    await expect(clientOf(upstream.url).lookUp(['a'], never)).rejects.toThrow();
  });

  test('is decoded after a byte order mark', async () => {
    expect((await submitTo(answering(200, '\ufeff{"task_id":"a"}'))).end).toMatchObject({
      kind: 'accepted',
      taskId: 'a',
    });
  });
});
