/** Bodies that are compressed without having been requested so, as some proxies send them. */
import { promisify } from 'node:util';
import zlib from 'node:zlib';

const gunzip = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.gunzip);
const inflate = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.inflate);
const inflateRaw = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.inflateRaw);
const unbrotli = promisify<Buffer, zlib.BrotliOptions, Buffer>(zlib.brotliDecompress);

const unpackers: Readonly<
  Record<string, (packed: Buffer, limits: { readonly maxOutputLength: number }) => Promise<Buffer>>
> = {
  gzip: gunzip,
  'x-gzip': gunzip,
  br: unbrotli,
  // By the standard with a header of zlib; some servers leave it out.
  deflate: (packed, limits) => ((packed[0] ?? 0) % 16 === 8 ? inflate(packed, limits) : inflateRaw(packed, limits)),
};

/** A body packed more often than this is nobody's honest answer. */
const MAX_LAYERS = 2;

/** The text of a body; rejects when it cannot be unpacked, or is longer than `maxBytes` once it is. */
export async function unpackText(
  body: Buffer,
  encoding: string | readonly string[] | undefined,
  maxBytes: number,
): Promise<string> {
  const layers = [encoding ?? '']
    .flat()
    .join(',')
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== '' && name !== 'identity');
  if (layers.length > MAX_LAYERS) throw new Error('the body is packed too often');
  let bytes = body;
  for (const name of layers.reverse()) {
    if (bytes.length === 0) break;
    const unpack = Object.hasOwn(unpackers, name) ? unpackers[name] : undefined;
    if (!unpack) throw new Error(`the content encoding ${name.slice(0, 32)} is not known`);
    bytes = await unpack(bytes, { maxOutputLength: maxBytes });
  }
  return new TextDecoder().decode(bytes);
}
