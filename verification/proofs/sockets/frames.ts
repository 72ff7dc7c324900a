/**
 * Encodes frames of RFC 6455, valid ones and invalid ones of every kind: the header is written as specified, whether it
 * is true or not.
 */
import { randomBytes } from 'node:crypto';

export const CONTINUATION = 0x0;
export const TEXT = 0x1;
export const BINARY = 0x2;
export const CLOSE = 0x8;
export const PING = 0x9;
export const PONG = 0xa;

export interface FrameOptions {
  /** True for the last frame of a message. */
  readonly fin?: boolean;
  /** The three reserved bits, the first one as 4. */
  readonly rsv?: number;
  readonly masked?: boolean;
  /** The length in the header, if it differs from that of the payload. */
  readonly announced?: bigint;
  /**
   * The number of bytes of the length, in addition to the first one: 0, 2 or 8. Defaults to the fewest that hold it.
   */
  readonly lengthBytes?: 0 | 2 | 8;
}

export function frame(
  opcode: number,
  payload: Buffer | string = '',
  { fin = true, rsv = 0, masked = true, announced, lengthBytes }: FrameOptions = {},
): Buffer {
  const data = Buffer.from(payload);
  const length = announced ?? BigInt(data.length);
  const form = lengthBytes ?? (length < 126n ? 0 : length < 65_536n ? 2 : 8);
  const extended = Buffer.alloc(form);
  if (form === 2) extended.writeUInt16BE(Number(length));
  if (form === 8) extended.writeBigUInt64BE(length);
  const short = form === 0 ? Number(length) : form === 2 ? 126 : 127;
  const head = Buffer.from([(fin ? 0x80 : 0) | (rsv << 4) | opcode, (masked ? 0x80 : 0) | short]);
  if (!masked) return Buffer.concat([head, extended, data]);
  const mask = randomBytes(4);
  for (let index = 0; index < data.length; index += 1) data[index]! ^= mask[index % 4]!;
  return Buffer.concat([head, extended, mask, data]);
}

/** Splits one message into frames of this many bytes each. */
export function fragments(opcode: number, payload: Buffer | string, bytes: number): Buffer[] {
  const data = Buffer.from(payload);
  return Array.from({ length: Math.ceil(data.length / bytes) }, (_, index) =>
    frame(index === 0 ? opcode : CONTINUATION, data.subarray(index * bytes, (index + 1) * bytes), {
      fin: (index + 1) * bytes >= data.length,
    }),
  );
}

export function closeFrame(code: number, reason: Buffer | string = ''): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(code);
  return frame(CLOSE, Buffer.concat([head, Buffer.from(reason)]));
}

/** A frame as a server sends it. */
export interface ServerFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/**
 * Takes the first complete frame from the bytes. Returns null if there is none yet. Throws on data that a server must
 * not send.
 */
export function takeFrame(bytes: Buffer): { readonly frame: ServerFrame; readonly rest: Buffer } | null {
  if (bytes.length < 2) return null;
  const [first, second] = [bytes[0]!, bytes[1]!];
  if ((first & 0xf0) !== 0x80) throw new Error('the server sent reserved bits, or a fragment');
  if (second > 127) throw new Error('the server sent a masked frame');
  const form = second === 126 ? 2 : second === 127 ? 8 : 0;
  const from = 2 + form;
  if (bytes.length < from) return null;
  const length = form === 0 ? second : form === 2 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  if (bytes.length < from + length) return null;
  return {
    frame: { opcode: first & 0x0f, payload: bytes.subarray(from, from + length) },
    rest: bytes.subarray(from + length),
  };
}
