/** The path of a request as the routes see it. */

/**
 * Returns the path of a URL without the parts that routes ignore: the query, a trailing slash, duplicate slashes, and
 * the scheme and host of an absolute URL.
 */
export function pathOf(url: string): string {
  const target = url.startsWith('/') ? url : url.replace(/^https?:\/\/[^/?]*/i, '');
  const end = target.indexOf('?');
  const path = (end < 0 ? target : target.slice(0, end)).replace(/\/{2,}/g, '/');
  return path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path;
}
