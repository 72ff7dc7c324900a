/** The closing handshake, and connections that end without one: RFC 6455 section 7. */
import { CLOSE, closeFrame, frame, TEXT } from './frames.ts';
import { outcomeOf, untilEnd, watch, type SocketCase } from './socket-bench.ts';

const closing = (name: string, expected: string, bytes: Buffer): SocketCase => ({
  name,
  expected,
  act: untilEnd((socket) => socket.write(bytes)),
});

/** Codes that no endpoint may send, and codes to which no meaning is assigned. */
const WRONG_CODES = [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535];

const withCode = (code: number): SocketCase =>
  closing(`a close with the code ${code}`, 'closed 1002', closeFrame(code));

export const closingCases: readonly SocketCase[] = [
  closing('a close without a code is answered by the same', 'closed 1005', frame(CLOSE)),
  closing('a close with 1000', 'closed 1000', closeFrame(1000, 'Bye')),
  closing('a close with a code of its own', 'closed 4999', closeFrame(4999)),
  closing('a close with half a code', 'closed 1002', frame(CLOSE, 'x')),
  ...WRONG_CODES.map(withCode),
  closing('a close whose reason is no UTF-8', 'closed 1007', closeFrame(1000, Buffer.from([0xff, 0xfe]))),
  closing('a close whose reason is too long', 'closed 1002', closeFrame(1000, 'x'.repeat(124))),
  closing('a close in fragments', 'closed 1002', frame(CLOSE, '', { fin: false })),
  closing('a close that is not masked', 'closed 1002', frame(CLOSE, '', { masked: false })),
  {
    name: 'messages after a close frame are not read',
    expected: 'closed 1000',
    act: untilEnd((socket, bench) =>
      socket.write(
        Buffer.concat([
          closeFrame(1000),
          frame(TEXT, JSON.stringify(watch('1', bench, null))),
          frame(TEXT, 'nonsense'),
          closeFrame(4999),
        ]),
      ),
    ),
  },
  {
    name: 'a close frame between the fragments of a message',
    expected: 'closed 1000',
    act: untilEnd((socket) => socket.write(Buffer.concat([frame(TEXT, '{"type"', { fin: false }), closeFrame(1000)]))),
  },
  {
    // Nothing may start after the close. A leak would show in what is left at the end of the run.
    name: 'a close frame while a subscription waits for its id',
    expected: 'closed 1000',
    act: untilEnd((socket, bench) =>
      socket.write(
        Buffer.concat([
          ...[watch('1', bench), { id: '1', type: 'complete' }, watch('1', bench)].map((message) =>
            frame(TEXT, JSON.stringify(message)),
          ),
          closeFrame(1000),
        ]),
      ),
    ),
  },
  {
    name: 'a peer that does not answer a close frame is disconnected',
    expected: 'closed 4400',
    async act(bench) {
      const socket = await bench.connect({ answersClose: false });
      await socket.send('nonsense');
      return socket.end;
    },
  },
  {
    name: 'a half-closed connection without a close frame',
    expected: 'cut off',
    act: untilEnd((socket) => socket.finish()),
  },
  {
    name: 'a half-closed connection within a frame',
    expected: 'cut off',
    act: untilEnd(async (socket) => {
      await socket.write(frame(TEXT, '{"type":"ping"}').subarray(0, 9));
      socket.finish();
    }),
  },
  {
    name: 'a broken connection does not affect other connections',
    expected: 'cut off, and another one stays open',
    async act(bench) {
      const socket = await bench.connect();
      for (const id of ['1', '2', '3']) await socket.send(watch(id, bench));
      socket.reset();
      return `${await socket.end}, and another one ${await outcomeOf(await bench.connect())}`;
    },
  },
];
