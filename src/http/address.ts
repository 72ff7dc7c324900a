/** The network address that a request came from, as Fastify tells it, also for an upgrade, which Fastify does not see. */
import type { IncomingMessage } from 'node:http';
import proxyAddr from '@fastify/proxy-addr';
import ipaddr from 'ipaddr.js';

/** Bits of an IPv6 address that name a network; whoever has one has all the addresses in it. */
const NETWORK_BITS = 64;

/** What limits by address count by: an IPv4 address, or the network of an IPv6 address. */
export function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  return parsed.kind() === 'ipv4' ? parsed.toString() : `${ipaddr.IPv6.networkAddressFromCIDR(`${parsed.toNormalizedString().replace(/%.*/, '')}/${NETWORK_BITS}`).toString()}/${NETWORK_BITS}`;
}

const compile = (trustProxy: string) => proxyAddr.compile(trustProxy.split(',').map((part) => part.trim()));

/** `trustProxy` names the proxies whose `X-Forwarded-For` counts, comma separated; null is none. */
export function createAddressOf(trustProxy: string | null): (request: IncomingMessage) => string {
  if (trustProxy === null) return (request) => request.socket.remoteAddress ?? '';
  const isTrusted = compile(trustProxy);
  return (request) => proxyAddr(request, isTrusted);
}

/** Whether a peer's address is that of a trusted proxy. */
export function createTrustCheck(trustProxy: string | null): (address: string) => boolean {
  if (trustProxy === null) return () => false;
  const isTrusted = compile(trustProxy);
  return (address) => address !== '' && isTrusted(address, 0);
}
