/** Detects requests that came through a proxy. */
import type { IncomingMessage } from 'node:http';
import { createTrustCheck } from '../network/client-address.ts';

/** Headers that HTTP proxies add when they are configured to. nginx and HAProxy add none by default. */
const PROXY_HEADERS = ['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto', 'x-real-ip', 'forwarded', 'via'];

export type ProxyCheck = (request: Pick<IncomingMessage, 'headers' | 'httpVersion' | 'socket'>) => boolean;

/**
 * Creates a check that returns true if the peer of the connection is a proxy. It recognizes a proxy by its address,
 * which `trustProxy` names, by a header that proxies add, or by HTTP/1.0, which nginx speaks by default before 1.29.7.
 * Any other proxy that adds no header is not recognized. A client can claim to be a proxy.
 */
export function createProxyCheck(trustProxy: string | null): ProxyCheck {
  const isTrusted = createTrustCheck(trustProxy);
  return ({ headers, httpVersion, socket }) =>
    httpVersion === '1.0' ||
    PROXY_HEADERS.some((name) => headers[name] !== undefined) ||
    isTrusted(socket.remoteAddress ?? '');
}
