/** Reads an operation from an HTTP request, before Apollo Server parses it. */
import { HeaderMap } from '@apollo/server';
import type { FastifyRequest } from 'fastify';

/** Finds the query as Apollo does, which accepts only a string and no list. Empty if there is none. */
export function queryOf(request: FastifyRequest): string {
  const { query } =
    ((request.method === 'GET' ? request.query : request.body) as { readonly query?: unknown } | null) ?? {};
  return typeof query === 'string' ? query : '';
}

/**
 * Searches the text for the word, because the text is parsed only later. The only consequence for a query that contains
 * the word is that it may wait as long as a mutation.
 */
export const isMutation = (request: FastifyRequest): boolean => /\bmutation\b/.test(queryOf(request));

export function headersOf(request: FastifyRequest): HeaderMap {
  const headers = new HeaderMap();
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers.set(name, Array.isArray(value) ? value.join(', ') : value);
  }
  return headers;
}

/** Returns the query string with its question mark; empty if there is none. */
export const searchOf = ({ url }: FastifyRequest): string => (url.includes('?') ? url.slice(url.indexOf('?')) : '');

/** Returns true if a browser opened the path: the request has no operation and asks for a page. */
export const isPageVisit = ({ method, url, headers: { accept = '' } }: FastifyRequest): boolean =>
  method === 'GET' && /\btext\/html\b/i.test(accept) && !/[?&]query=/.test(url);
