/** The opening handshake: RFC 6455 section 4, and the rules that HTTP and browsers add. */
import { frame, TEXT } from './frames.ts';
import { handshakeOf, type Handshake } from './raw-socket.ts';
import { initOf, outcomeOf, type SocketCase, type SocketBench } from './socket-bench.ts';

/** Sends a handshake that is valid except for the change, and continues as if it had been accepted. */
const shaken =
  (change: Handshake | ((bench: SocketBench) => Handshake)) =>
  async (bench: SocketBench): Promise<string> => {
    const socket = bench.dial(typeof change === 'function' ? change(bench) : change);
    await socket.answer;
    if (socket.isEnding()) return socket.end;
    await socket.send(initOf(bench));
    // Waits for the acknowledgment.
    await socket.next();
    return outcomeOf(socket);
  };

const withHeaders = (headers: Handshake['headers']) => shaken({ headers });

/**
 * Sends a handshake in which no subprotocol can be agreed on. If it names none, the handshake of RFC 6455 succeeds, and
 * graphql-transport-ws ends the socket. If it names another one, it is refused.
 */
const withProtocol =
  (protocol: string | null) =>
  async (bench: SocketBench): Promise<string> =>
    bench.dial({ headers: { 'sec-websocket-protocol': protocol } }).end;

const BROWSER = 'https://evil.example.com';

export const handshakeCases: readonly SocketCase[] = [
  { name: 'another path', expected: 'HTTP 404', act: shaken({ line: 'GET /elsewhere HTTP/1.1' }) },
  { name: 'a path below the right one', expected: 'HTTP 404', act: shaken({ line: 'GET /graphql/more HTTP/1.1' }) },
  { name: 'another method', expected: 'HTTP 405', act: shaken({ line: 'POST /graphql HTTP/1.1' }) },
  { name: 'HTTP/1.0', expected: 'HTTP 400', act: shaken({ line: 'GET /graphql HTTP/1.0' }) },
  { name: 'an upgrade to another protocol', expected: 'HTTP 400', act: withHeaders({ upgrade: 'h2c' }) },
  // This is an ordinary request, and is answered as such.
  {
    name: 'a Connection header without upgrade',
    expected: 'no socket',
    act: async (bench) =>
      (await bench.dial({ headers: { connection: 'close' } }).answer)?.status === 101 ? 'a socket' : 'no socket',
  },
  { name: 'no key', expected: 'HTTP 400', act: withHeaders({ 'sec-websocket-key': null }) },
  { name: 'a key of 5 bytes', expected: 'HTTP 400', act: withHeaders({ 'sec-websocket-key': 'aGVsbG8=' }) },
  {
    name: 'two keys',
    expected: 'HTTP 400',
    act: withHeaders({ 'sec-websocket-key': ['dGhlIHNhbXBsZSBub25jZQ==', 'dGhlIHNhbXBsZSBub25jZQ=='] }),
  },
  { name: 'no version', expected: 'HTTP 426', act: withHeaders({ 'sec-websocket-version': null }) },
  { name: 'version 12', expected: 'HTTP 426', act: withHeaders({ 'sec-websocket-version': '12' }) },
  // Browsers of this version name their page in another header.
  {
    name: 'version 8, of a draft',
    expected: 'HTTP 426',
    act: withHeaders({ 'sec-websocket-version': '8', 'sec-websocket-origin': BROWSER }),
  },
  {
    name: 'a version in a non-canonical spelling',
    expected: 'HTTP 426',
    act: withHeaders({ 'sec-websocket-version': '0xd' }),
  },
  {
    name: 'an unsupported version is answered with the supported one',
    expected: '13',
    act: async (bench) =>
      (await bench.dial({ headers: { 'sec-websocket-version': '12' } }).answer)?.headers.get('sec-websocket-version') ??
      'none',
  },
  { name: 'no Host', expected: 'HTTP 400', act: withHeaders({ host: null }) },
  { name: 'a foreign Host', expected: 'HTTP 421', act: withHeaders({ host: 'rebound.example.com' }) },
  { name: 'the Origin of a foreign page', expected: 'HTTP 403', act: withHeaders({ origin: BROWSER }) },
  {
    name: 'the Origin of a foreign page whose name starts with ours',
    expected: 'HTTP 403',
    act: shaken(({ url }) => ({ headers: { origin: `${url}.evil.example.com` } })),
  },
  { name: 'Origin null', expected: 'HTTP 403', act: withHeaders({ origin: 'null' }) },
  {
    name: 'two Origins, one of them ours',
    expected: 'HTTP 403',
    act: shaken(({ url }) => ({ headers: { origin: [url, BROWSER] } })),
  },
  { name: 'our own Origin', expected: 'stays open', act: shaken(({ url }) => ({ headers: { origin: url } })) },
  { name: 'no subprotocol', expected: 'closed 4406', act: withProtocol(null) },
  { name: 'the legacy subprotocol graphql-ws', expected: 'HTTP 400', act: withProtocol('graphql-ws') },
  { name: 'an unknown subprotocol', expected: 'HTTP 400', act: withProtocol('mqtt') },
  { name: 'the subprotocol in capitals', expected: 'HTTP 400', act: withProtocol('GRAPHQL-TRANSPORT-WS') },
  {
    name: 'a malformed list of subprotocols',
    expected: 'HTTP 400',
    act: withHeaders({ 'sec-websocket-protocol': 'graphql-transport-ws,,' }),
  },
  {
    name: 'a subprotocol that is offered twice',
    expected: 'HTTP 400',
    act: withHeaders({ 'sec-websocket-protocol': 'graphql-transport-ws, graphql-transport-ws' }),
  },
  {
    name: 'our subprotocol among others',
    expected: 'stays open',
    act: withHeaders({ 'sec-websocket-protocol': 'mqtt, graphql-transport-ws' }),
  },
  {
    name: 'an offer of compression is not accepted',
    expected: 'none, stays open',
    async act(bench) {
      const socket = await bench.connect({
        headers: { 'sec-websocket-extensions': 'permessage-deflate; client_max_window_bits' },
      });
      return `${(await socket.answer)?.headers.get('sec-websocket-extensions') ?? 'none'}, ${await outcomeOf(socket)}`;
    },
  },
  {
    name: 'a malformed list of extensions',
    expected: 'stays open',
    act: withHeaders({ 'sec-websocket-extensions': ';;;' }),
  },
  // A proxy in front of the gateway takes these bytes for a body. The gateway would read them as frames.
  {
    name: 'a body',
    expected: 'HTTP 400',
    act: async (bench) =>
      bench.dial({ headers: { 'content-length': '60' }, behind: frame(TEXT, JSON.stringify({ type: 'ping' })) }).end,
  },
  {
    name: 'a chunked body',
    expected: 'HTTP 400',
    act: async (bench) =>
      bench.dial({ headers: { 'transfer-encoding': 'chunked' }, behind: Buffer.from('5\r\nhello\r\n0\r\n\r\n') }).end,
  },
  { name: 'headers of 20 kB', expected: 'HTTP 431', act: withHeaders({ 'x-long': 'x'.repeat(20_000) }) },
  {
    name: 'bytes that are not HTTP',
    expected: 'HTTP 400',
    act: async (bench) =>
      bench.dial({ raw: Buffer.from('\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', 'latin1') }).end,
  },
  {
    name: 'half a handshake on a half-closed connection',
    expected: 'HTTP 400',
    async act(bench) {
      const socket = bench.dial({ raw: handshakeOf(bench.url).subarray(0, 60) });
      socket.finish();
      return socket.end;
    },
  },
  {
    name: 'a handshake byte by byte',
    expected: 'stays open',
    async act(bench) {
      const socket = bench.dial({ raw: Buffer.alloc(0) });
      for (const byte of handshakeOf(bench.url)) await socket.write(Buffer.from([byte]));
      await socket.send(initOf(bench));
      return outcomeOf(socket);
    },
  },
  {
    name: 'messages before the response to the handshake',
    expected: 'stays open',
    act: async (bench) => outcomeOf(bench.dial({ behind: frame(TEXT, JSON.stringify(initOf(bench))) })),
  },
];
