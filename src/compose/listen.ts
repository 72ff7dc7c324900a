/** The address on which the gateway listens. */
import { lookup } from 'node:dns/promises';
import type { AddressInfo } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { Config } from '../config.ts';

/** Listens, and returns the URL by which the gateway is reached from this machine. */
export async function listen(app: FastifyInstance, config: Config): Promise<string> {
  await app.listen({
    host: config.HOST === 'localhost' ? await addressOfLocalhost() : config.HOST,
    port: config.PORT,
    backlog: config.LISTEN_BACKLOG,
  });
  return urlOf(config.HOST, (app.server.address() as AddressInfo).port);
}

/**
 * Returns one address of `localhost`, IPv4 if there is one. For each further address, Fastify would start another
 * server, to which connection limits, load shedding and the shutdown would not apply.
 */
async function addressOfLocalhost(): Promise<string> {
  const addresses = await lookup('localhost', { all: true });
  return (addresses.find(({ family }) => family === 4) ?? addresses[0]!).address;
}

/** Returns the URL by which a listener is reached from this machine; a wildcard host is reached over loopback. */
function urlOf(host: string, port: number): string {
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  return `http://${reachable.includes(':') ? `[${reachable}]` : reachable}:${port}`;
}
