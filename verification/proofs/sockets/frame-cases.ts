/** Frames and their lengths, fragmentation and text: RFC 6455 sections 5 and 8. */
import { BINARY, CONTINUATION, fragments, frame, PING, PONG, TEXT } from './frames.ts';
import type { RawSocket } from './raw-socket.ts';
import { after, MAX_MESSAGE_BYTES, MESSAGES_AT_ONCE, type SocketCase, type SocketBench } from './socket-bench.ts';

const MIB = 1_048_576;
const HUGE_BYTES = 100 * MIB;

const A_PING = JSON.stringify({ type: 'ping' });

/** Returns a `ping` of this many bytes. */
const pingOf = (bytes: number): string => {
  const [head, tail] = ['{"type":"ping","payload":{"text":"', '"}}'];
  return `${head}${'x'.repeat(bytes - head.length - tail.length)}${tail}`;
};

/** Returns a `ping` with these bytes in its text. */
const pingWith = (bytes: readonly number[]): Buffer =>
  Buffer.concat([Buffer.from('{"type":"ping","payload":{"text":"'), Buffer.from(bytes), Buffer.from('"}}')]);

const writing = (...frames: readonly Buffer[]) =>
  after(async (socket) => {
    for (const one of frames) await socket.write(one);
  });

/** Requires that what is written is understood: waits for the pong. */
const understood = (write: (socket: RawSocket, bench: SocketBench) => Promise<unknown>) =>
  after(async (socket, bench) => {
    await write(socket, bench);
    if ((await socket.next())?.type !== 'pong') throw new Error('it was not understood');
  });

/** Writes until everything is written or the server ends the connection. */
async function pour(socket: RawSocket, piece: Buffer, times: number): Promise<void> {
  for (let left = times; left > 0 && !socket.isEnding(); left -= 1) await socket.write(piece);
}

const reservedOpcodes = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode): SocketCase => ({
  name: `the reserved opcode ${opcode}`,
  expected: 'closed 1002',
  act: writing(frame(opcode, 'x')),
}));

const reservedBits = [1, 2, 4].map((rsv): SocketCase => ({
  name: `the reserved bits ${rsv.toString(2).padStart(3, '0')}`,
  expected: 'closed 1002',
  act: writing(frame(TEXT, A_PING, { rsv })),
}));

const malformedText = (
  [
    ['a byte that is in no UTF-8', [0xff]],
    ['a sequence of UTF-8 that breaks off', [0xe2, 0x82]],
    ['a sequence of UTF-8 that is longer than it need be', [0xc0, 0xaf]],
    ['half a surrogate pair in UTF-8', [0xed, 0xa0, 0x80]],
    ['UTF-8 above the last character', [0xf4, 0x90, 0x80, 0x80]],
  ] as const
).map(([name, bytes]): SocketCase => ({ name, expected: 'closed 1007', act: writing(frame(TEXT, pingWith(bytes))) }));

const euro = pingWith([0xe2, 0x82, 0xac]);
const cut = euro.indexOf(0x82);

export const frameCases: readonly SocketCase[] = [
  { name: 'an unmasked frame', expected: 'closed 1002', act: writing(frame(TEXT, A_PING, { masked: false })) },
  ...reservedBits,
  { name: 'the reserved bits of a ping', expected: 'closed 1002', act: writing(frame(PING, '', { rsv: 4 })) },
  ...reservedOpcodes,
  {
    name: 'a continuation frame without a first fragment',
    expected: 'closed 1002',
    act: writing(frame(CONTINUATION, A_PING)),
  },
  {
    name: 'a message between the fragments of another one',
    expected: 'closed 1002',
    act: writing(frame(TEXT, '{"type"', { fin: false }), frame(TEXT, A_PING)),
  },
  {
    name: 'a binary message between the fragments of a text message',
    expected: 'closed 1002',
    act: writing(frame(TEXT, '{"type"', { fin: false }), frame(BINARY, A_PING)),
  },
  { name: 'a binary message', expected: 'closed 1003', act: writing(frame(BINARY, A_PING)) },
  { name: 'an empty message', expected: 'closed 4400', act: writing(frame(TEXT)) },

  {
    name: 'a fragmented ping',
    expected: 'closed 1002',
    act: writing(frame(PING, 'a', { fin: false }), frame(CONTINUATION, 'b')),
  },
  { name: 'a ping of 126 bytes', expected: 'closed 1002', act: writing(frame(PING, 'x'.repeat(126))) },
  {
    name: 'a ping with an extended length field',
    expected: 'closed 1002',
    act: writing(frame(PING, 'hello', { lengthBytes: 2 })),
  },
  {
    name: 'a ping that announces 2^63 bytes',
    expected: 'closed 1002',
    act: writing(frame(PING, '', { announced: 1n << 63n })),
  },
  {
    name: 'a ping of 125 bytes is answered with the same bytes',
    expected: 'stays open',
    act: after(async (socket) => {
      const payload = Buffer.alloc(125, 0xff);
      await socket.write(frame(PING, payload));
      if (!(await socket.nextPong())?.equals(payload)) throw new Error('another pong');
    }),
  },
  {
    name: 'a ping between two fragments is answered before the message is complete',
    expected: 'stays open',
    act: understood(async (socket) => {
      const [first, second] = fragments(TEXT, A_PING, 8) as [Buffer, Buffer];
      await socket.write(Buffer.concat([first, frame(PING, 'between')]));
      if ((await socket.nextPong())?.toString() !== 'between') throw new Error('no pong');
      await socket.write(second);
    }),
  },
  { name: 'an unsolicited pong', expected: 'stays open', act: writing(frame(PONG, 'unasked')) },
  {
    name: 'thousands of pings at once',
    expected: 'cut off',
    act: writing(Buffer.concat(Array.from({ length: 5_000 }, () => frame(PING)))),
  },
  {
    name: 'more sequential pings than the message rate limit allows',
    expected: 'closed 1013',
    act: after(async (socket) => {
      for (let left = 10 * MESSAGES_AT_ONCE; left > 0 && !socket.isEnding(); left -= 40) {
        await socket.write(Buffer.concat(Array.from({ length: 40 }, () => frame(PING))));
        for (let pong = 0; pong < 40; pong += 1) await socket.nextPong();
      }
    }),
  },
  {
    name: 'more pongs than the message rate limit allows',
    expected: 'closed 1013',
    act: writing(Buffer.concat(Array.from({ length: 2 * MESSAGES_AT_ONCE }, () => frame(PONG)))),
  },

  ...malformedText,
  {
    name: 'malformed UTF-8 in the middle of a fragmented message',
    expected: 'closed 1007',
    act: writing(...fragments(TEXT, pingWith([0x20, 0xff, 0x20]), 7)),
  },
  {
    name: 'a character that is split across fragments',
    expected: 'stays open',
    act: understood((socket) =>
      socket.write(
        Buffer.concat([frame(TEXT, euro.subarray(0, cut), { fin: false }), frame(CONTINUATION, euro.subarray(cut))]),
      ),
    ),
  },

  {
    name: 'a message in fragments of one byte each',
    expected: 'stays open',
    act: understood((socket) => socket.write(Buffer.concat(fragments(TEXT, A_PING, 1)))),
  },
  {
    name: 'a message with empty fragments',
    expected: 'stays open',
    act: understood((socket) =>
      socket.write(
        Buffer.concat([
          frame(TEXT, '', { fin: false }),
          frame(CONTINUATION, '', { fin: false }),
          frame(CONTINUATION, A_PING),
        ]),
      ),
    ),
  },
  {
    name: 'a frame that arrives byte by byte',
    expected: 'stays open',
    act: understood(async (socket) => {
      for (const byte of frame(TEXT, A_PING)) await socket.write(Buffer.from([byte]));
    }),
  },
  {
    name: 'a length in more bytes than it needs is tolerated',
    expected: 'stays open',
    act: understood((socket) => socket.write(frame(TEXT, A_PING, { lengthBytes: 8 }))),
  },
  {
    name: 'an endless sequence of empty fragments',
    expected: 'closed 1008',
    act: after((socket) =>
      pour(
        socket,
        Buffer.concat([
          frame(TEXT, '', { fin: false }),
          ...Array.from({ length: 20_000 }, () => frame(CONTINUATION, '', { fin: false })),
        ]),
        1,
      ),
    ),
  },

  {
    name: 'a message of the maximum size',
    expected: 'stays open',
    act: understood((socket) => socket.write(frame(TEXT, pingOf(MAX_MESSAGE_BYTES)))),
  },
  {
    name: 'a message one byte over the maximum size',
    expected: 'closed 1009',
    act: writing(frame(TEXT, pingOf(MAX_MESSAGE_BYTES + 1))),
  },
  {
    name: 'a fragmented message one byte over the maximum size',
    expected: 'closed 1009',
    act: writing(...fragments(TEXT, pingOf(MAX_MESSAGE_BYTES + 1), 5_000)),
  },
  {
    name: 'a frame that announces 100 MB and sends none of it',
    expected: 'closed 1009',
    act: writing(frame(TEXT, '', { announced: BigInt(HUGE_BYTES) })),
  },
  {
    name: 'a frame of 100 MB',
    expected: 'closed 1009',
    act: after(async (socket) => {
      await socket.write(frame(TEXT, '', { announced: BigInt(HUGE_BYTES) }));
      await pour(socket, Buffer.alloc(MIB, 'x'), HUGE_BYTES / MIB);
    }),
  },
  {
    name: 'a frame that announces 2^53 bytes',
    expected: 'closed 1009',
    act: writing(frame(TEXT, 'x', { announced: 1n << 53n })),
  },
  {
    name: 'a frame that announces 2^63 bytes',
    expected: 'closed 1009',
    act: writing(frame(TEXT, 'x', { announced: 1n << 63n })),
  },
  {
    name: '100 MB in fragments',
    expected: 'closed 1009',
    act: after(async (socket) => {
      const piece = Buffer.alloc(16_384, 'x');
      await socket.write(frame(TEXT, piece, { fin: false }));
      await pour(socket, frame(CONTINUATION, piece, { fin: false }), HUGE_BYTES / piece.length);
    }),
  },
];
