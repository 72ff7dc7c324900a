/**
 * The only way to send a request to a URL that a client supplied. It reaches only the public network and what the
 * operator allows, whatever the name resolves to at that moment. It follows no redirects, uses no proxy and verifies
 * certificates.
 */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { connectTcp, openConnection, type Connect } from './connection.ts';
import { startDeadline, untilAborted } from './deadline.ts';
import { exchange } from './exchange.ts';
import { EgressFailure, type FailureReason } from './failure.ts';
import { createHostSlots } from './host-slots.ts';
import { bareHost, createReach, type Allowed } from './reach.ts';
import { createLookup, lookUpBySystem, type Lookup } from './resolve.ts';
import { parseUrl } from '../network/parse-url.ts';

const MAX_URL_LENGTH = 2_048;

export interface EgressOptions {
  /** Destinations that may be reached in addition to the public network. */
  readonly allow: readonly Allowed[];
  readonly maxConnectionsPerHost: number;
  /**
   * Time limit for the name resolution, the connection, TLS and the answer together. Before that, a request waits at
   * most twice as long until one more connection to its host is allowed.
   */
  readonly timeoutMs: number;
  /** Maximum number of bytes read from an answer. */
  readonly maxAnswerBytes: number;
  /** By default names are resolved by name servers, and names in `allow` by the system. */
  readonly lookup?: Lookup;
  /**
   * Opens TCP connections to checked addresses. Node's function by default. Tests, which cannot reach public addresses,
   * observe here which destination was chosen.
   */
  readonly connect?: Connect;
}

type UrlCheck =
  /** In WHATWG spelling, without a fragment. */
  | { readonly ok: true; readonly url: string }
  | {
      readonly ok: false;
      readonly code: 'INVALID_URL' | 'URL_HAS_CREDENTIALS' | 'PRIVATE_ADDRESS' | 'TOO_LONG';
      readonly message: string;
    };

interface EgressRequest {
  /** `Host` is always the host of the URL. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
}

/** `waitedMs` is the time until one more connection to the host was allowed, and `ms` the time from then on. */
export type EgressAnswer = { readonly ms: number; readonly waitedMs: number } & (
  | {
      readonly kind: 'answered';
      readonly httpStatus: number;
      /** The first `maxAnswerBytes`, well-formed and without NUL characters. */ readonly text: string;
    }
  | { readonly kind: 'failed'; readonly reason: FailureReason }
);

export interface Egress {
  /**
   * Checks a URL as far as possible without any network access, for the moment when a client supplies it. `post` checks
   * it again.
   */
  check(text: string): UrlCheck;
  /** Posts once. Never rejects. Any status is an answer, including a redirect. */
  post(url: string, request: EgressRequest): Promise<EgressAnswer>;
  /** Ends all requests in progress and all later ones with `STOPPED`. Idempotent. */
  stop(): Promise<void>;
}

export function createEgress({
  allow,
  maxConnectionsPerHost,
  timeoutMs,
  maxAnswerBytes,
  lookup,
  connect = connectTcp,
}: EgressOptions): Egress {
  const reach = createReach(allow);
  const askServers = createLookup();
  const slots = createHostSlots(maxConnectionsPerHost);
  const stopping = new AbortController();
  const underWay = new Set<Promise<EgressAnswer>>();

  function check(text: string): UrlCheck {
    const invalid = {
      ok: false,
      code: 'INVALID_URL',
      message: 'The URL must be absolute and begin with http:// or https://.',
    } as const;
    const tooLong = {
      ok: false,
      code: 'TOO_LONG',
      message: `The URL must have at most ${MAX_URL_LENGTH} characters, also when it is percent-encoded.`,
    } as const;
    if (text.length > MAX_URL_LENGTH) return /^\s*https?:/i.test(text) ? tooLong : invalid;
    const url = text.isWellFormed() ? parseUrl(text) : null;
    if (url?.protocol !== 'http:' && url?.protocol !== 'https:') return invalid;
    if (url.username || url.password)
      return { ok: false, code: 'URL_HAS_CREDENTIALS', message: 'The URL must not contain a user name or password.' };
    // Every port is allowed: a service that listens on a public address has to cope with unknown clients anyway.
    if (!reach.allowsHost(url.hostname, portOf(url)))
      return { ok: false, code: 'PRIVATE_ADDRESS', message: 'The host of the URL must be public.' };
    url.hash = '';
    return url.href.length > MAX_URL_LENGTH ? tooLong : { ok: true, url: url.href };
  }

  async function post(text: string, request: EgressRequest): Promise<EgressAnswer> {
    const posting = postOnce(text, request);
    underWay.add(posting);
    try {
      return await posting;
    } finally {
      underWay.delete(posting);
    }
  }

  async function postOnce(text: string, request: EgressRequest): Promise<EgressAnswer> {
    // The URL was valid when it was stored. Rules and settings may have changed since, and stored data is no proof.
    const checked = check(text);
    if (!checked.ok)
      return {
        kind: 'failed',
        reason: checked.code === 'PRIVATE_ADDRESS' ? 'BLOCKED' : 'INVALID_URL',
        ms: 0,
        waitedMs: 0,
      };
    const url = new URL(checked.url);

    const waitingFrom = performance.now();
    // Longer than one request may take, so that requests that hang now do not make the next one fail.
    const waiting = startDeadline(2 * timeoutMs, request.signal, stopping.signal);
    const release = await slots.take(url.host.replace(/\.(?=:|$)/, ''), waiting.signal);
    waiting.end();
    const waitedMs = Math.round(performance.now() - waitingFrom);
    if (!release)
      return { kind: 'failed', reason: waiting.reason() === 'STOPPED' ? 'STOPPED' : 'BUSY', ms: 0, waitedMs };

    const from = performance.now();
    const times = () => ({ ms: Math.round(performance.now() - from), waitedMs });
    const deadline = startDeadline(timeoutMs, request.signal, stopping.signal);
    try {
      const answer = await postTo(url, request, deadline.signal);
      return { kind: 'answered', ...answer, ...times() };
    } catch (error) {
      return {
        kind: 'failed',
        reason: error instanceof EgressFailure ? error.reason : (deadline.reason() ?? 'RESET'),
        ...times(),
      };
    } finally {
      deadline.end();
      release();
    }
  }

  async function postTo(url: URL, { headers, body }: EgressRequest, signal: AbortSignal) {
    const { hostname } = url;
    const port = portOf(url);
    const isAllowed = (address: string): boolean => reach.allowsAddress(hostname, address, port);
    const addresses = await addressesOf(
      bareHost(hostname),
      lookup ?? (reach.isNamed(hostname, port) ? lookUpBySystem : askServers),
      signal,
    );
    // The decision is made here, for exactly the addresses that are connected to. One address that is not allowed
    // blocks all of them: an honest receiver has no such mixture, and the operator of the name would control the order.
    if (!addresses.every(isAllowed)) throw new EgressFailure('BLOCKED');
    const socket = await openConnection(
      { hostname, port, secure: url.protocol === 'https:', addresses: addresses.map(plainAddress), isAllowed },
      connect,
      signal,
    );
    return exchange(socket, { url, headers, body, maxAnswerBytes }, signal);
  }

  /**
   * Returns the addresses of a host. An IP address is not resolved. A name is resolved once for each request, without a
   * cache.
   */
  async function addressesOf(host: string, find: Lookup, signal: AbortSignal): Promise<readonly string[]> {
    if (isIP(host) !== 0) return [host];
    const addresses = await untilAborted(find(host), signal).catch((error: unknown) => {
      throw signal.aborted ? error : new EgressFailure('NOT_RESOLVED');
    });
    if (addresses.length === 0) throw new EgressFailure('NOT_RESOLVED');
    return addresses;
  }

  async function stop(): Promise<void> {
    stopping.abort();
    await Promise.all(underWay);
  }

  return { check, post, stop };
}

const portOf = (url: URL): number => Number(url.port || (url.protocol === 'https:' ? 443 : 80));

/** Converts IPv4 mapped into IPv6 to IPv4, the form in which it was checked. */
const plainAddress = (address: string): string => ipaddr.process(address).toString();
