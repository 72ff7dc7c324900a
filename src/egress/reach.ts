/** Determines what may be reached: the public network, and what the operator allows in addition. Pure functions. */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { isPublicAddress, isPublicHost } from '../network/public-address.ts';

/** One entry of `EGRESS_ALLOW`. Without a port it applies to all ports. */
export type Allowed =
  /** The name, whatever it resolves to. */
  | { readonly kind: 'name'; readonly name: string; readonly port: number | null }
  /**
   * The addresses, under any public name. A name that is itself private is not allowed by the addresses it resolves to.
   */
  | { readonly kind: 'network'; readonly address: string; readonly prefix: number; readonly port: number | null };

export interface Reach {
  /** Returns true if a URL may name this host, in WHATWG spelling. For an address, this is the only check. */
  allowsHost(hostname: string, port: number): boolean;
  /** Returns true if the egress may connect to this address for that host. */
  allowsAddress(hostname: string, address: string, port: number): boolean;
  /** Returns true if the operator has allowed the name itself. */
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

/** Returns a host without the brackets that a URL puts around IPv6. */
export const bareHost = (hostname: string): string => hostname.replace(/^\[|\]$/g, '');
