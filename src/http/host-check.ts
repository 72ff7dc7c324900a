/**
 * Whether a request was sent to a name of ours: a page of another site whose own name resolves to our address sends
 * that name.
 */
import { isIP } from 'node:net';
import { parseUrl } from '../network/parse-url.ts';

export type HostCheck = (host: string | undefined) => boolean;

/** `allowed` has names without ports, `*` first for those below a domain; null allows every name. */
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
 * In the spelling of WHATWG `URL`, as the names of requests are compared. A port is dropped, and an IPv6 address needs
 * no brackets.
 */
function normalize(name: string): string {
  if (name.startsWith('*.')) return name.toLowerCase();
  const url = `http://${isIP(name) === 6 ? `[${name}]` : name}`;
  return parseUrl(url)?.hostname ?? name.toLowerCase();
}
