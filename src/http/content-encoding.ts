/**
 * Handles compressed request bodies: rejects them with an error that names the encoding, except where the sender would
 * not repeat the request.
 */
import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, type InputType, type ZlibOptions } from 'node:zlib';
import type { FastifyRequest } from 'fastify';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** True if the route decodes compressed bodies itself. */
    readonly takesEncodedBody?: boolean;
  }
}

export class UnsupportedEncodingError extends Error {
  override readonly name = 'UnsupportedEncodingError';
  readonly code = 'UNSUPPORTED_CONTENT_ENCODING';
  readonly statusCode = 415;

  constructor(encoding: string) {
    super(`"Content-Encoding: ${encoding.slice(0, 50)}" is not supported: send the request body uncompressed.`);
  }
}

/** Returns the encoding of the body, or null if it is sent as is. */
function encodingOf({ 'content-encoding': header = '' }: FastifyRequest['headers']): string | null {
  const codings = header
    .toLowerCase()
    .split(',')
    .map((coding) => coding.trim())
    .filter((coding) => coding !== '' && coding !== 'identity');
  return codings.length === 0 ? null : codings.join(', ');
}

/** Throws an `UnsupportedEncodingError` before a byte of the body is read. */
export function refuseEncodedBody({ headers, routeOptions }: FastifyRequest): void {
  const encoding = encodingOf(headers);
  if (encoding !== null && !routeOptions.config?.takesEncodedBody) throw new UnsupportedEncodingError(encoding);
}

type Decompress = (input: InputType, options: ZlibOptions) => Promise<Buffer>;

const decompressors: Readonly<Record<string, Decompress>> = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
};

/**
 * Returns the decoded bytes of a body. Returns them as received if their encoding is unknown, they are damaged, or they
 * decompress to more than `maxBytes`.
 */
export async function decodeBody(headers: FastifyRequest['headers'], bytes: Buffer, maxBytes: number): Promise<Buffer> {
  const encoding = encodingOf(headers) ?? '';
  const decompress = Object.hasOwn(decompressors, encoding) ? decompressors[encoding] : undefined;
  return decompress ? decompress(bytes, { maxOutputLength: maxBytes }).catch(() => bytes) : bytes;
}
