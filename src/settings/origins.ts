/** Web origins: parses the entries of `CORS_ORIGINS` and matches `Origin` headers against them. Pure. */
import { parseUrl } from '../network/parse-url.ts';

/** Matches every origin. */
export const ANY_ORIGIN = '*';

const WRITTEN = /^([a-z][a-z0-9+.-]*):\/\/(\*\.)?([^\s/?#@\\*,]+)\/?$/i;

/** Schemes that are entered by mistake: no page has an origin with one of them. */
const NOT_OF_PAGES = new Set(['ws', 'wss', 'ftp', 'file', 'data', 'blob', 'about']);

/**
 * Returns one entry of the setting in the spelling of an `Origin` header: lower case, no default port, no trailing
 * slash. `https://*.example.com` matches every name one label below that domain. Returns null for an entry that no
 * browser could match, such as one without a scheme.
 */
export function parseOrigin(text: string): string | null {
  if (text === ANY_ORIGIN) return ANY_ORIGIN;
  const [, scheme = '', wildcard = '', rest = ''] = WRITTEN.exec(text) ?? [];
  const host = hostOf(scheme.toLowerCase(), rest);
  if (host === null) return null;
  // Rejects wildcards such as `https://*.com`, which would admit a large part of the web.
  if (wildcard !== '' && !/^(localhost|[^.:[\]]+(\.[^.:[\]]+)*\.[a-z][^.:[\]]*)(:\d+)?$/.test(host)) return null;
  return `${scheme.toLowerCase()}://${wildcard}${host}`;
}

/** True if an `Origin` header matches one of `rules`, each as returned by `parseOrigin`. */
export function matchesOrigin(rules: ReadonlySet<string>, origin: string): boolean {
  if (rules.has(ANY_ORIGIN)) return true;
  const parsed = parseOrigin(origin);
  if (parsed === null || parsed.includes('*')) return false;
  if (rules.has(parsed)) return true;
  const [scheme, host] = parsed.split('://') as [string, string];
  const dot = host.indexOf('.');
  return dot > 0 && rules.has(`${scheme}://*${host.slice(dot)}`);
}

/** True if the origin belongs to a page that this machine serves on a loopback host. */
export function isLoopbackOrigin(origin: string): boolean {
  return /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i.test(origin);
}

/**
 * Returns host and port as spelled in `Origin`, or null. Web origins follow WHATWG `URL`; those of applications, such
 * as `capacitor://localhost`, have plain names.
 */
function hostOf(scheme: string, text: string): string | null {
  if (scheme === '' || NOT_OF_PAGES.has(scheme)) return null;
  if (scheme !== 'http' && scheme !== 'https')
    return /^[a-z0-9_.-]+(:\d{1,5})?$/i.test(text) ? text.toLowerCase() : null;
  return parseUrl(`${scheme}://${text}`)?.host ?? null;
}
