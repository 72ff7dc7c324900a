/** Redirects are never followed: a paid request goes to the configured address and nowhere else. */
import { parseUrl } from '../../../network/parse-url.ts';

/**
 * Statuses with which a server declares that it has not processed a request, and where to send it instead. 303 is not
 * one of them: it is also the response to a request that was processed.
 */
const statuses = new Set([301, 302, 307, 308]);

export const isRedirect = (httpStatus: number): boolean => statuses.has(httpStatus);

const MAX_LENGTH = 200;

/** Describes a target for people: host and path, without credentials, query and fragment, which may contain secrets. */
export function describeLocation(location: string, base: string): string {
  const url = location === '' ? null : parseUrl(location, base);
  if (url === null) return 'nowhere';
  const { protocol, host, pathname } = url;
  return ['http:', 'https:'].includes(protocol)
    ? `${protocol}//${host}${pathname}`.slice(0, MAX_LENGTH)
    : `${protocol}...`.slice(0, MAX_LENGTH);
}

export const redirectMessage = (location: string | null): string =>
  `redirected to ${location ?? 'nowhere'}, check ACEDATA_BASE_URL`;
