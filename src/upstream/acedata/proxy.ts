/** The way to the upstream: direct, or through the proxy that the environment names. */
import { Agent, EnvHttpProxyAgent, type Dispatcher } from 'undici';

export interface ProxySettings {
  /** For an upstream of https, of http, and the hosts that are reached without one. Null where nothing is set. */
  readonly httpsProxy: string | null;
  readonly httpProxy: string | null;
  readonly noProxy: string | null;
}

interface ConnectionOptions {
  readonly connections: number;
  readonly connectTimeoutMs: number;
  /** How much of an answer is read as it comes. */
  readonly maxAnswerBytes: number;
}

/**
 * Creates a dispatcher for the upstream. A proxy is used by a tunnel, so that a request begins, as without a proxy,
 * only when the connection to the upstream itself is established.
 */
export function createDispatcher(
  proxies: ProxySettings | null,
  { connections, connectTimeoutMs, maxAnswerBytes }: ConnectionOptions,
): Dispatcher {
  const options = { connections, maxResponseSize: maxAnswerBytes, connect: { timeout: connectTimeoutMs } };
  if (!proxies || (proxies.httpsProxy === null && proxies.httpProxy === null)) return new Agent(options);
  const tls = { timeout: connectTimeoutMs };
  // Empty where nothing is set: otherwise undici reads the environment itself.
  const named = {
    httpProxy: proxies.httpProxy ?? '',
    httpsProxy: proxies.httpsProxy ?? '',
    noProxy: proxies.noProxy ?? '',
  };
  return new EnvHttpProxyAgent({ ...options, requestTls: tls, proxyTls: tls, ...named });
}
