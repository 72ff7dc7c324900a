/** The callback door: `POST /callbacks/<jobId>/<token>`. Answers 200 only after the commit. */
import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ReceiveCallback } from '../jobs/settle/receive-callback.ts';
import type { Claim, Echo } from '../jobs/model/upstream-news.ts';
import { decodeBody } from './content-encoding.ts';
import { UnavailableError } from '../errors.ts';

/** What the door needs of the upstream's side, which alone knows the token and the words. */
export interface CallbackDoor {
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
  /** It went on past the limit and was not read further. */
  readonly cut: boolean;
}

/** A wrong token and an unknown job answer alike: 404 with an empty body, and nothing is stored. */
export async function registerCallbacks(
  app: FastifyInstance,
  door: CallbackDoor,
  receive: ReceiveCallback,
  maxBodyBytes: number,
): Promise<void> {
  await app.register(async (routes) => {
    routes.removeAllContentTypeParsers();
    routes.addContentTypeParser('*', (_request, payload, done) => {
      readUpTo(payload, maxBodyBytes).then((body) => done(null, body), done);
    });

    /** A body that no decoder survives is kept like any other that cannot be read. */
    const decode = (text: string, request: FastifyRequest): Claim => {
      try {
        return door.decode(text);
      } catch (error) {
        request.log.error({ err: error }, 'a callback could not be decoded');
        return { taskId: null, outcome: null, odd: 'undecodable' };
      }
    };

    const echoes = new WeakMap<FastifyRequest, Echo>();
    routes.post<{ Params: Params }>(`${door.path}/:jobId/:token`, {
      // A callback comes once: one that is compressed is unpacked, and kept as it came where it cannot be.
      config: { takesEncodedBody: true },
      // Before a byte of the body is read.
      onRequest: async (request, reply) => {
        const echo = door.verify(request.params.jobId, request.params.token);
        if (!echo) return reply.code(404).send();
        echoes.set(request, echo);
        // Whatever the header says, the body is read; Fastify refuses values that are no media types.
        request.raw.headers['content-type'] = 'application/octet-stream';
      },
      handler: async (request, reply) => {
        const { jobId, attempt } = echoes.get(request)!;
        const { bytes, cut } = (request.body as Body | undefined) ?? { bytes: Buffer.alloc(0), cut: false };
        const text = (cut ? bytes : await decodeBody(request.headers, bytes, maxBodyBytes)).toString('utf8');
        const claim = cut ? { taskId: null, outcome: null, odd: 'too large' } : decode(text, request);
        const bodyHash = createHash('sha256').update(bytes).digest('hex');
        try {
          const found = await receive({ jobId, attempt, claim, bodyHash, body: door.redact(text) });
          if (cut) void reply.header('connection', 'close');
          return await reply.code(!found ? 404 : cut ? 413 : 200).send();
        } catch (error) {
          // Nothing is promised from memory: a look-up finds what this callback wanted to say.
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
