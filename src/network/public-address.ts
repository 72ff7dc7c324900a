/**
 * Determines which hosts are public. No system is asked to fetch from any other host, except for those that the operator
 * allows (`EGRESS_ALLOW`). Pure functions.
 */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/**
 * Names that never resolve publicly: RFC 6761, RFC 6762, RFC 8375, ICANN's reserved `.internal`, and the names that
 * systems give themselves.
 */
const privateNames = /(^|\.)(localhost|localdomain|local|internal|home\.arpa|test|example|invalid|onion)$/;

/** The only IPv6 range assigned to networks; the rest includes spellings of IPv4, such as `::7f00:1`. */
const givenOut = ipaddr.parseCIDR('2000::/3') as [ipaddr.IPv6, number];

/**
 * Azure answers at this address to its own machines only, although the address is public. The corresponding addresses
 * of other clouds lie in special-purpose ranges.
 */
const ofThePlatform = '168.63.129.16';

/**
 * Returns true if a host, in the spelling of WHATWG `URL`, may belong to the public network. A name that passes may
 * still resolve to any address.
 */
export function isPublicHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  if (ipaddr.isValid(host)) return isPublicAddress(host);
  const labels = host.split('.');
  return labels.length > 1 && !labels.includes('') && !privateNames.test(host);
}

/**
 * Returns true if an address lies outside all special-purpose ranges. IPv4 mapped into IPv6 is treated as IPv4; text
 * that is not an address is not public.
 */
export function isPublicAddress(text: string): boolean {
  // ipaddr.js also parses `10` and `0x7f.1` as addresses.
  if (isIP(text) === 0) return false;
  const address = ipaddr.process(text);
  return (
    address.range() === 'unicast' &&
    (address.kind() === 'ipv4' || address.match(givenOut)) &&
    address.toString() !== ofThePlatform
  );
}
