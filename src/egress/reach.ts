/** What may be reached: the public network, and what the operator allows besides. Pure. */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { isPublicAddress, isPublicHost } from '../network/public-address.ts';

/** One entry of `EGRESS_ALLOW`. Without a port it means all of them. */
export type Allowed =
  /** That name, whatever it resolves to. */
  | { readonly kind: 'name'; readonly name: string; readonly port: number | null }
  /**
   * Those addresses, by whatever public name. A name that is private by itself is not allowed by what it resolves to.
   */
  | { readonly kind: 'network'; readonly address: string; readonly prefix: number; readonly port: number | null };

export interface Reach {
  /** Whether a URL may name this host, as WHATWG spells it. For an address that is all there is to ask. */
  allowsHost(hostname: string, port: number): boolean;
  /** Whether this address may be connected to for that host. */
  allowsAddress(hostname: string, address: string, port: number): boolean;
  /** Whether the operator has allowed the name itself. */
  isNamed(hostname: string, port: number): boolean;
}

export function createReach(allow: readonly Allowed[]): Reach {
  const names = allow.filter((entry) => entry.kind === 'name');
  const networks = allow
    .filter((entry) => entry.kind === 'network')
    .map((entry) => ({ ...entry, address: ipaddr.parse(entry.address) }));

  const isNamed = (hostname: string, port: number): boolean =>
    names.some((entry) => entry.name === hostname.replace(/\.$/, '') && (entry.port ?? port) === port);

  function isInNetwork(text: string, port: number): boolean {
    if (isIP(text) === 0) return false;
    const address = ipaddr.process(text);
    return networks.some(
      (entry) =>
        entry.address.kind() === address.kind() &&
        address.match(entry.address, entry.prefix) &&
        (entry.port ?? port) === port,
    );
  }

  return {
    isNamed,
    allowsHost: (hostname, port) =>
      isPublicHost(hostname) || isNamed(hostname, port) || isInNetwork(bareHost(hostname), port),
    allowsAddress: (hostname, address, port) =>
      isPublicAddress(address) || isNamed(hostname, port) || isInNetwork(address, port),
  };
}

/** A host without the brackets that a URL puts around IPv6. */
export const bareHost = (hostname: string): string => hostname.replace(/^\[|\]$/g, '');
