/**
 * Checks that a request was sent to one of our host names. A page of another site whose own name resolves to our
 * address (DNS rebinding) sends that name.
 */
import { isIP } from 'node:net';
import { parseUrl } from '../network/parse-url.ts';

export type HostCheck = (host: string | undefined) => boolean;

/**
 * Creates the check. `allowed` contains names without ports; a leading `*` matches exactly one label. Null allows
 * every name.
 */
export function createHostCheck(allowed: readonly string[] | null): HostCheck {
  if (allowed === null) return () => true;
  const names = new Set(allowed.map(normalize));
  return (host) => {
    const hostname = host === undefined ? undefined : parseUrl(`http://${host}`)?.hostname;
    return (
      hostname !== undefined && (names.has(hostname) || names.has(`*.${hostname.slice(hostname.indexOf('.') + 1)}`))
    );
  };
}

/**
 * Returns a name as WHATWG `URL` spells it, which is how the names of requests are compared. Drops a port, and accepts
 * an IPv6 address without brackets.
 */
function normalize(name: string): string {
  if (name.startsWith('*.')) return name.toLowerCase();
  const url = `http://${isIP(name) === 6 ? `[${name}]` : name}`;
  return parseUrl(url)?.hostname ?? name.toLowerCase();
}
