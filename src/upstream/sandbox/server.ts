/** The sandbox: a server that implements the upstream's contract, so that everything can be tried without paying. */
import { randomUUID } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import fastifyStatic from '@fastify/static';
import Fastify from 'fastify';
import { projectRoot } from '../../project-root.ts';
import { registerUpstreamRoutes, sendNoApi } from '../acedata/wire/routes.ts';
import { createCaller } from './caller.ts';
import { scenarios } from './scenarios.ts';
import { createSandboxService } from './service.ts';
import { openTaskBook } from './task-book.ts';

export interface SandboxOptions {
  readonly host: string;
  /** 0 selects any free port. */
  readonly port: number;
  /** Null accepts any token, but requires one. */
  readonly token: string | null;
  /** The approximate duration of a task. */
  readonly seconds: number;
  /** The file from which tasks are restored after a restart; null keeps them in memory. */
  readonly journalFile: string | null;
  /** The maximum number of tasks in flight. Further submits get a 429, as from the real upstream. */
  readonly maxInFlight?: number;
  readonly log: { info(fields: object, message: string): void };
}

export interface Sandbox {
  /** Without a trailing slash. */
  readonly url: string;
  /**
   * Sends the callbacks that an earlier run could not send. To be called once the receiver of the callbacks is
   * listening again.
   */
  resume(): void;
  /** Closes every connection, including those that hang. */
  stop(): Promise<void>;
}

const LOCAL_HOST = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i;

const assets = fileURLToPath(new URL('assets/sandbox', projectRoot));

export async function startSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { host, port, token, seconds, journalFile, maxInFlight = 5, log } = options;
  const app = Fastify({ forceCloseConnections: true, genReqId: () => randomUUID() });
  const book = openTaskBook(journalFile);
  const mediaUrl = () => `http://${host}:${(app.server.address() as AddressInfo).port}/media`;
  const caller = createCaller(book, mediaUrl, (fields, message) => log.info(fields, message));

  // The sandbox calls any URL that it is given. Without this check, a web page whose own name resolves to this machine
  // could give it one.
  app.addHook('onRequest', async (request, reply) => {
    if (!LOCAL_HOST.test(request.headers.host ?? ''))
      return reply.code(421).send({ message: 'The sandbox accepts only requests to localhost or a loopback address.' });
  });
  await registerUpstreamRoutes(app, createSandboxService({ book, caller, mediaUrl, token, seconds, maxInFlight }));
  app.setNotFoundHandler(sendNoApi);

  // Every result is the same sample under a name of its own. Pages of other origins may play it, as they may play the
  // real results.
  await app.register(fastifyStatic, { root: assets, serve: false });
  app.get<{ Params: { name: string } }>('/media/:name', (request, reply) => {
    const task = book.find(request.params.name.replace(/\.mp4$/, ''));
    if (!task || task.scenario === 'failed' || task.endsAtMs > Date.now()) return sendNoApi(request, reply);
    return reply
      .header('access-control-allow-origin', '*')
      .header('cross-origin-resource-policy', 'cross-origin')
      .sendFile('motion.mp4');
  });

  app.get('/', async () => ({
    sandbox: 'The sandbox replaces the paid API: results are samples, and nothing is charged.',
    howTo: 'Write sandbox:<scenario> into the prompt.',
    scenarios,
  }));

  await app.listen({ host, port });
  const left = book.list().filter((task) => !book.wasCalled(task));

  return {
    url: `http://${host}:${(app.server.address() as AddressInfo).port}`,
    resume: () => left.splice(0).forEach((task) => caller.schedule(task)),
    async stop() {
      caller.stop();
      await app.close();
    },
  };
}
