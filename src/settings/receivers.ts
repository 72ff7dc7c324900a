/** Entries of `EGRESS_ALLOW`: private networks, addresses and host names that webhooks may reach. */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { parseUrl } from '../network/parse-url.ts';
import { list } from './values.ts';

/** Returns null if the entry is not valid. A host name is accepted only in the spelling of WHATWG `URL`. */
function parseReceiver(entry: string) {
  const [, network, prefix] = /^([^/]+)\/(\d{1,3})$/.exec(entry) ?? [];
  if (network !== undefined) return toNetwork(network, Number(prefix), null);
  if (isIP(entry) === 6) return toNetwork(entry, 128, null);
  const [, bracketed, plain = '', digits] = /^(?:\[([^\]]+)\]|([a-z0-9_.-]+))(?::(\d{1,5}))?$/i.exec(entry) ?? [];
  const port = digits === undefined ? null : Number(digits);
  if (port !== null && (port < 1 || port > 65_535)) return null;
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? toNetwork(bracketed, 128, port) : null;
  if (isIP(plain) === 4) return toNetwork(plain, 32, port);
  const name = plain.toLowerCase().replace(/\.$/, '');
  const isName = !/^\.|\.\.|\.$/.test(name) && parseUrl(`http://${name}`)?.hostname === name;
  return isName ? { kind: 'name' as const, name, port } : null;
}

function toNetwork(address: string, prefix: number, port: number | null) {
  const bits = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0;
  if (prefix > bits || address.includes('%')) return null;
  // IPv4-mapped IPv6 addresses are converted to IPv4 before they are compared, so this entry would never match.
  const parsed = ipaddr.parse(address);
  if (parsed instanceof ipaddr.IPv6 && parsed.isIPv4MappedAddress()) return null;
  return { kind: 'network' as const, address, prefix, port };
}

export const receivers = list.transform((entries, context) =>
  entries.map((entry) => {
    const parsed = parseReceiver(entry);
    if (parsed === null) context.addIssue({ code: 'custom', message: 'no receiver' });
    return parsed ?? z.NEVER;
  }),
);
