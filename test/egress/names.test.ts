/** DNS lookups of names that clients supply, and their effect on other lookups. */
import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { createLookup } from '../../src/egress/resolve.ts';

async function startNameServer(answer: (question: Buffer) => Buffer | null): Promise<string> {
  const server = createSocket('udp4');
  server.on('message', (question, { address, port }) => {
    const said = answer(question);
    if (said) server.send(said, port, address);
  });
  server.bind(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `127.0.0.1:${server.address().port}`;
}

/** Returns one address for each A query and none for AAAA. */
function answerOf(question: Buffer): Buffer {
  const end = question.indexOf(0, 12) + 5;
  const isA = question.readUInt16BE(end - 4) === 1;
  const head = Buffer.from(question.subarray(0, end));
  head.writeUInt16BE(0x8180, 2);
  head.writeUInt16BE(isA ? 1 : 0, 6);
  head.writeUInt32BE(0, 8);
  return isA ? Buffer.concat([head, Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 93, 184, 216, 34])]) : head;
}

test('name servers that do not respond hold up no other lookup, and time out', async () => {
  const find = createLookup([await startNameServer(() => null)], 500);
  let open = 40;
  const waiting = Array.from({ length: open }, (_, number) =>
    find(`never${number}.example.com`).finally(() => (open -= 1)),
  );
  // Lookups by the system, which the upstream and the database need: more of them than there are threads.
  for (let count = 0; count < 8; count += 1) expect((await lookup('localhost')).address).toBeTypeOf('string');
  expect(open).toBe(40);
  expect(new Set((await Promise.all(waiting)).map((addresses) => addresses.length))).toEqual(new Set([0]));
});

test('a name has the addresses that its name server returns', async () => {
  expect(await createLookup([await startNameServer(answerOf)])('hooks.example.com')).toEqual(['93.184.216.34']);
});
