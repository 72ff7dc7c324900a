/**
 * The one way to send anything to a URL that a client named. It reaches the public network and what the operator
 * allows, whatever the name resolves to at the moment; it follows no redirect, knows no proxy and verifies
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
  /** What may be reached besides the public network. */
  readonly allow: readonly Allowed[];
  readonly maxConnectionsPerHost: number;
  /**
   * For the look-up, the connection, TLS and the answer together. Before that a request waits at most twice as long
   * until one more connection to its host is allowed.
   */
  readonly timeoutMs: number;
  /** How much of an answer is read. */
  readonly maxAnswerBytes: number;
  /** By default name servers are asked, and the system about names in `allow`. */
  readonly lookup?: Lookup;
  /**
   * Opens TCP connections, to addresses that were checked. Node's by default; tests, which reach no public address, see
   * here what was decided.
   */
  readonly connect?: Connect;
}

type UrlCheck =
  /** As WHATWG spells it, without a fragment. */
  | { readonly ok: true; readonly url: string }
  | {
      readonly ok: false;
      readonly code: 'INVALID_URL' | 'URL_HAS_CREDENTIALS' | 'PRIVATE_ADDRESS' | 'TOO_LONG';
      readonly message: string;
    };

interface EgressRequest {
  /** `Host` is the URL's. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal;
}

/** `waitedMs` went by until one more connection to the host was allowed, `ms` from then on. */
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
   * What can be said about a URL without asking anybody, for the moment when a client names it. `post` decides anew.
   */
  check(text: string): UrlCheck;
  /** Posts once. Never rejects. Any status is an answer, a redirect among them. */
  post(url: string, request: EgressRequest): Promise<EgressAnswer>;
  /** Ends what is under way, with `STOPPED`, and whatever comes later. Idempotent. */
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
      message: 'A URL is absolute and begins with http:// or https://.',
    } as const;
    const tooLong = {
      ok: false,
      code: 'TOO_LONG',
      message: `A URL has at most ${MAX_URL_LENGTH} characters, once it is percent-encoded too.`,
    } as const;
    if (text.length > MAX_URL_LENGTH) return /^\s*https?:/i.test(text) ? tooLong : invalid;
    const url = text.isWellFormed() ? parseUrl(text) : null;
    if (url?.protocol !== 'http:' && url?.protocol !== 'https:') return invalid;
    if (url.username || url.password)
      return { ok: false, code: 'URL_HAS_CREDENTIALS', message: 'A URL carries no user name or password.' };
    // Every port is good: what listens on a public address has to bear strangers anyway.
    if (!reach.allowsHost(url.hostname, portOf(url)))
      return { ok: false, code: 'PRIVATE_ADDRESS', message: 'A URL names a public host.' };
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
    // The URL was good when it was stored. Rules and settings may have changed since, and a store is not a proof.
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
    // Longer than one request may take: those that hang now do not make the next one fail.
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
    // Here it is decided, for exactly the addresses that are connected to. One that is not allowed blocks them all: an
    // honest receiver has no such mixture, and whose turn it is would be up to whoever answers for the name.
    if (!addresses.every(isAllowed)) throw new EgressFailure('BLOCKED');
    const socket = await openConnection(
      { hostname, port, secure: url.protocol === 'https:', addresses: addresses.map(plainAddress), isAllowed },
      connect,
      signal,
    );
    return exchange(socket, { url, headers, body, maxAnswerBytes }, signal);
  }

  /** An address is not looked up. A name is once for each request, and nothing is remembered. */
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

/** IPv4 that is mapped into IPv6 is connected to as what it was judged as. */
const plainAddress = (address: string): string => ipaddr.process(address).toString();
