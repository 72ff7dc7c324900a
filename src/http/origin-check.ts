/** Which browser origins may call, over HTTP and over the socket alike. */
import type { IncomingMessage } from 'node:http';
import { ANY_ORIGIN, isLoopbackOrigin, matchesOrigin } from '../settings/origins.ts';
import { createTrustCheck } from '../network/client-address.ts';
import { parseUrl } from '../network/parse-url.ts';

export interface OriginCheck {
  /** `CORS_ORIGINS=*`. */
  readonly allowsAny: boolean;
  allows(origin: string, request: IncomingMessage): boolean;
}

interface OriginRules {
  /** Entries of `CORS_ORIGINS`, normalized. */
  readonly origins: readonly string[];
  /** Whether pages that this machine serves to itself are allowed, at any port. */
  readonly allowsLoopback: boolean;
  /** The operator has named its origin as ours. */
  readonly publicUrl: string | null;
  readonly trustProxy: string | null;
}

/** Beside what the settings allow, our own origin is allowed: the one that the request was sent to. */
export function createOriginCheck({ origins, allowsLoopback, publicUrl, trustProxy }: OriginRules): OriginCheck {
  const rules = new Set([...origins, ...(publicUrl === null ? [] : [new URL(publicUrl).origin])]);
  const isTrusted = createTrustCheck(trustProxy);
  return {
    allowsAny: rules.has(ANY_ORIGIN),
    allows(origin, request) {
      if (matchesOrigin(rules, origin) || (allowsLoopback && isLoopbackOrigin(origin))) return true;
      return isOwn(origin, hostsOf(request, isTrusted(request.socket.remoteAddress ?? '')));
    },
  };
}

/** The scheme is the origin's: without a proxy that says it, nobody knows whether there was TLS in front of us. */
function isOwn(origin: string, hosts: readonly string[]): boolean {
  const url = /^https?:\/\//i.test(origin) ? parseUrl(origin) : null;
  if (url === null) return false;
  return hosts.some(
    (asked) => /^[^\s/?#@\\]+$/.test(asked) && parseUrl(`${url.protocol}//${asked}`)?.host === url.host,
  );
}

/**
 * The names that the request was sent to: its own `Host`, and what a trusted proxy says of the request that it
 * received. In a list the last value counts, which is the one that the proxy in front of us has added.
 */
function hostsOf({ headers }: IncomingMessage, fromTrustedProxy: boolean): string[] {
  const hosts = [headers.host];
  if (fromTrustedProxy) {
    const forwarded = lastOf(headers['x-forwarded-host']);
    const port = lastOf(headers['x-forwarded-port']);
    const [, quoted, plain] = /(?:^|[;\s])host=(?:"([^"]*)"|([^;\s]*))/i.exec(lastOf(headers.forwarded) ?? '') ?? [];
    hosts.push(forwarded, quoted ?? plain);
    if (forwarded !== undefined && port !== undefined && /^\d{1,5}$/.test(port)) hosts.push(`${forwarded}:${port}`);
  }
  return hosts.filter((host) => host !== undefined && host !== '') as string[];
}

const lastOf = (header: string | string[] | undefined): string | undefined =>
  header?.toString().split(',').at(-1)!.trim();
