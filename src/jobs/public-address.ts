/** Which hosts are public: nobody is asked to fetch from another. Pure. */
import ipaddr from 'ipaddr.js';

/** Names that never resolve in public; RFC 6761, RFC 6762, RFC 8375, ICANN's reserved `.internal`, and what systems call themselves. */
const privateNames = /(^|\.)(localhost|localdomain|local|internal|home\.arpa|test|example|invalid|onion)$/;

/** Of IPv6 only this is given out to networks; the rest of it includes spellings of IPv4, such as `::7f00:1`. */
const givenOut = ipaddr.parseCIDR('2000::/3') as [ipaddr.IPv6, number];

/** Whether a host, as WHATWG `URL` spells it, may be one of the public network. A name that passes may still resolve to any address. */
export function isPublicHost(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  if (ipaddr.isValid(host)) {
    const address = ipaddr.process(host);
    return address.range() === 'unicast' && (address.kind() === 'ipv4' || address.match(givenOut));
  }
  const labels = host.split('.');
  return labels.length > 1 && !labels.includes('') && !privateNames.test(host);
}
