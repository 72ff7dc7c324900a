/** The network address that a request came from, as Fastify tells it, also for an upgrade, which Fastify does not see. */
import type { IncomingMessage } from 'node:http';
import proxyAddr from '@fastify/proxy-addr';

/** `trustProxy` names the proxies whose `X-Forwarded-For` counts, comma separated; null is none. */
export function createAddressOf(trustProxy: string | null): (request: IncomingMessage) => string {
  if (trustProxy === null) return (request) => request.socket.remoteAddress ?? '';
  const isTrusted = proxyAddr.compile(trustProxy.split(',').map((part) => part.trim()));
  return (request) => proxyAddr(request, isTrusted);
}
