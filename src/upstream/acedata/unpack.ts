/** Decompresses response bodies, which some proxies compress although no compression was requested. */
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
  // The standard requires a zlib header; some servers omit it.
  deflate: (packed, limits) => ((packed[0] ?? 0) % 16 === 8 ? inflate(packed, limits) : inflateRaw(packed, limits)),
};

/** The maximum number of encodings of a body; no legitimate response has more. */
const MAX_LAYERS = 2;

/**
 * Returns the text of a body. Rejects if the body cannot be decompressed, or if the result is larger than `maxBytes`.
 */
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
  if (layers.length > MAX_LAYERS) throw new Error('the body has too many content encodings');
  let bytes = body;
  for (const name of layers.reverse()) {
    if (bytes.length === 0) break;
    const unpack = Object.hasOwn(unpackers, name) ? unpackers[name] : undefined;
    if (!unpack) throw new Error(`the content encoding ${name.slice(0, 32)} is not supported`);
    bytes = await unpack(bytes, { maxOutputLength: maxBytes });
  }
  return new TextDecoder().decode(bytes);
}
