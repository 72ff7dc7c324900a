/** Which hosts are public: nobody is asked to fetch from another. Pure. */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';

/**
 * Names that never resolve in public; RFC 6761, RFC 6762, RFC 8375, ICANN's reserved `.internal`, and what systems call
 * themselves.
 */
const privateNames = /(^|\.)(localhost|localdomain|local|internal|home\.arpa|test|example|invalid|onion)$/;

/** Of IPv6 only this is given out to networks; the rest of it includes spellings of IPv4, such as `::7f00:1`. */
const givenOut = ipaddr.parseCIDR('2000::/3') as [ipaddr.IPv6, number];

/**
 * Azure answers here to its own machines only, although the number is a public one. Other clouds' such addresses lie in
 * special ranges.
 */
const ofThePlatform = '168.63.129.16';

/**
 * Whether a host, as WHATWG `URL` spells it, may be one of the public network. A name that passes may still resolve to
 * any address.
 */
export function isPublicHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  if (ipaddr.isValid(host)) return isPublicAddress(host);
  const labels = host.split('.');
  return labels.length > 1 && !labels.includes('') && !privateNames.test(host);
}

/**
 * Whether an address lies outside all special-purpose ranges. IPv4 mapped into IPv6 is judged as IPv4; what is no
 * address is not public.
 */
export function isPublicAddress(text: string): boolean {
  // ipaddr.js reads `10` and `0x7f.1` as addresses too.
  if (isIP(text) === 0) return false;
  const address = ipaddr.process(text);
  return (
    address.range() === 'unicast' &&
    (address.kind() === 'ipv4' || address.match(givenOut)) &&
    address.toString() !== ofThePlatform
  );
}
