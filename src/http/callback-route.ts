/** The callback endpoint, `POST /callbacks/<jobId>/<token>`. Answers 200 only after the commit. */
import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ReceiveCallback } from '../jobs/settle/receive-callback.ts';
import type { Claim, Echo } from '../jobs/model/upstream-news.ts';
import { decodeBody } from './content-encoding.ts';
import { UnavailableError } from '../errors.ts';

/** Operations that the endpoint needs from the upstream module, which alone knows the format of tokens and bodies. */
export interface CallbackContract {
  readonly path: string;
  verify(jobId: string, token: string): Echo | null;
  decode(body: string): Claim;
  redact(body: string): string;
}

interface Params {
  readonly jobId: string;
  readonly token: string;
}

interface Body {
  readonly bytes: Buffer;
  /** True if the body exceeded the limit and was not read further. */
  readonly cut: boolean;
}

/**
 * Registers the endpoint. A wrong token and an unknown job get the same response, 404 with an empty body, and nothing
 * is stored.
 */
export async function registerCallbacks(
  app: FastifyInstance,
  contract: CallbackContract,
  receive: ReceiveCallback,
  maxBodyBytes: number,
): Promise<void> {
  await app.register(async (routes) => {
    routes.removeAllContentTypeParsers();
    routes.addContentTypeParser('*', (_request, payload, done) => {
      readUpTo(payload, maxBodyBytes).then((body) => done(null, body), done);
    });

    /** Decodes a body. One on which the decoder throws is kept like any other unreadable body. */
    const decode = (text: string, request: FastifyRequest): Claim => {
      try {
        return contract.decode(text);
      } catch (error) {
        request.log.error({ err: error }, 'a callback could not be decoded');
        return { taskId: null, outcome: null, odd: 'undecodable' };
      }
    };

    const echoes = new WeakMap<FastifyRequest, Echo>();
    routes.post<{ Params: Params }>(`${contract.path}/:jobId/:token`, {
      // A callback is sent only once, so a compressed one is decompressed, or kept as received if that fails.
      config: { takesEncodedBody: true },
      // Runs before any byte of the body is read.
      onRequest: async (request, reply) => {
        const echo = contract.verify(request.params.jobId, request.params.token);
        if (!echo) return reply.code(404).send();
        echoes.set(request, echo);
        // The body is read whatever the header contains; Fastify rejects values that are not media types.
        request.raw.headers['content-type'] = 'application/octet-stream';
      },
      handler: async (request, reply) => {
        const { jobId, attempt } = echoes.get(request)!;
        const { bytes, cut } = (request.body as Body | undefined) ?? { bytes: Buffer.alloc(0), cut: false };
        const text = (cut ? bytes : await decodeBody(request.headers, bytes, maxBodyBytes)).toString('utf8');
        const claim = cut ? { taskId: null, outcome: null, odd: 'too large' } : decode(text, request);
        const bodyHash = createHash('sha256').update(bytes).digest('hex');
        try {
          const found = await receive({ jobId, attempt, claim, bodyHash, body: contract.redact(text) });
          if (cut) void reply.header('connection', 'close');
          return await reply.code(!found ? 404 : cut ? 413 : 200).send();
        } catch (error) {
          // Never acknowledge a callback that is only in memory: a look-up finds the outcome that it reported.
          if (error instanceof UnavailableError) return reply.code(503).header('retry-after', '5').send();
          throw error;
        }
      },
    });
  });
}

async function readUpTo(payload: NodeJS.ReadableStream, maxBytes: number): Promise<Body> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of payload as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > maxBytes) break;
  }
  return { bytes: Buffer.concat(chunks).subarray(0, maxBytes), cut: size > maxBytes };
}
