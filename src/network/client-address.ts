/**
 * Determines the network address that a request came from, as Fastify does. It also works for an upgrade, which Fastify
 * does not see.
 */
import type { IncomingMessage } from 'node:http';
import proxyAddr from '@fastify/proxy-addr';
import ipaddr from 'ipaddr.js';

/** Prefix length of an IPv6 network. A client that has one address of a network has all of them. */
const NETWORK_BITS = 64;

/**
 * Removes the port. Some proxies forward it with the address, and then put an IPv6 address in brackets. A number after
 * the last colon of an IPv6 address without brackets belongs to the address, unless the address ends in dotted form.
 */
const withoutPort = (address: string): string =>
  /^\[(.*)\](:\d+)?$/.exec(address)?.[1] ?? address.replace(/(\.\d{1,3}):\d{1,5}$/, '$1');

/**
 * Returns the key by which limits per address count: an IPv4 address, or the network of an IPv6 address. Fastify has no
 * address for a closed connection.
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
 * Creates a check that returns true if an address, of a peer or forwarded, is that of a trusted proxy. `trustProxy`
 * lists the proxies, separated by commas; null means none.
 */
export function createTrustCheck(trustProxy: string | null): (address: string | undefined) => boolean {
  if (trustProxy === null) return () => false;
  const isTrusted = proxyAddr.compile(trustProxy.split(',').map((part) => part.trim()));
  return (address) => address !== undefined && address !== '' && isTrusted(withoutPort(address), 0);
}

/**
 * Creates a function that returns the address that a request came from, by `X-Forwarded-For` of trusted proxies. The
 * address may include a port.
 */
export function createAddressOf(trustProxy: string | null): (request: IncomingMessage) => string {
  if (trustProxy === null) return (request) => request.socket.remoteAddress ?? '';
  const isTrusted = createTrustCheck(trustProxy);
  return (request) => proxyAddr(request, isTrusted);
}
