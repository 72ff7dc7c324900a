/**
 * The network address that a request came from, as Fastify tells it, also for an upgrade, which Fastify does not see.
 */
import type { IncomingMessage } from 'node:http';
import proxyAddr from '@fastify/proxy-addr';
import ipaddr from 'ipaddr.js';

/** Bits of an IPv6 address that name a network; whoever has one has all the addresses in it. */
const NETWORK_BITS = 64;

/**
 * Some proxies forward the port with the address, and an IPv6 address then in brackets. A number after the last colon
 * of an IPv6 address without brackets belongs to the address, unless the address ends in dotted form.
 */
const withoutPort = (address: string): string =>
  /^\[(.*)\](:\d+)?$/.exec(address)?.[1] ?? address.replace(/(\.\d{1,3}):\d{1,5}$/, '$1');

/**
 * What limits by address count by: an IPv4 address, or the network of an IPv6 address. Fastify has none for a
 * connection that is gone.
 */
export function networkOf(forwarded: string | undefined): string {
  const address = withoutPort(forwarded ?? '');
  if (!ipaddr.isValid(address)) return address;
  const parsed = ipaddr.process(address);
  return parsed.kind() === 'ipv4'
    ? parsed.toString()
    : `${ipaddr.IPv6.networkAddressFromCIDR(`${parsed.toNormalizedString().replace(/%.*/, '')}/${NETWORK_BITS}`).toString()}/${NETWORK_BITS}`;
}

/**
 * Whether an address, of a peer or forwarded, is that of a trusted proxy. `trustProxy` names them, comma separated;
 * null is none.
 */
export function createTrustCheck(trustProxy: string | null): (address: string | undefined) => boolean {
  if (trustProxy === null) return () => false;
  const isTrusted = proxyAddr.compile(trustProxy.split(',').map((part) => part.trim()));
  return (address) => address !== undefined && address !== '' && isTrusted(withoutPort(address), 0);
}

/** The address that a request came from, by `X-Forwarded-For` of trusted proxies; it may have a port. */
export function createAddressOf(trustProxy: string | null): (request: IncomingMessage) => string {
  if (trustProxy === null) return (request) => request.socket.remoteAddress ?? '';
  const isTrusted = createTrustCheck(trustProxy);
  return (request) => proxyAddr(request, isTrusted);
}
