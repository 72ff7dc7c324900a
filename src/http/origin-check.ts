/** Decides which browser origins may call this server, over HTTP and over sockets alike. */
import type { IncomingMessage } from 'node:http';
import { ANY_ORIGIN, isLoopbackOrigin, matchesOrigin } from '../settings/origins.ts';
import { createTrustCheck } from '../network/client-address.ts';
import { parseUrl } from '../network/parse-url.ts';

export interface OriginCheck {
  /** True if `CORS_ORIGINS=*`. */
  readonly allowsAny: boolean;
  allows(origin: string, request: IncomingMessage): boolean;
}

interface OriginRules {
  /** Entries of `CORS_ORIGINS`, normalized. */
  readonly origins: readonly string[];
  /** True if pages that this machine serves to itself are allowed, on any port. */
  readonly allowsLoopback: boolean;
  /** The URL whose origin the operator has declared as ours. */
  readonly publicUrl: string | null;
  readonly trustProxy: string | null;
}

/** Creates a check that allows the origins in the settings and our own origin: the one that the request was sent to. */
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

/**
 * Returns true if the origin has one of the hosts. The scheme is taken from the origin: unless a proxy reports it, the
 * server cannot know whether TLS was terminated in front of it.
 */
function isOwn(origin: string, hosts: readonly string[]): boolean {
  const url = /^https?:\/\//i.test(origin) ? parseUrl(origin) : null;
  if (url === null) return false;
  return hosts.some(
    (asked) => /^[^\s/?#@\\]+$/.test(asked) && parseUrl(`${url.protocol}//${asked}`)?.host === url.host,
  );
}

/**
 * Returns the hosts that the request was sent to: its own `Host`, and the ones that a trusted proxy reports for the
 * request it received. In a list the last value counts, which is the one added by the proxy in front of us.
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
