/** Connects to the upstream, directly or through the proxy that the environment names. */
import { Agent, EnvHttpProxyAgent, type Dispatcher } from 'undici';

export interface ProxySettings {
  /**
   * The proxies for an https and an http upstream, and the hosts that are reached directly. Each is null if not set.
   */
  readonly httpsProxy: string | null;
  readonly httpProxy: string | null;
  readonly noProxy: string | null;
}

interface ConnectionOptions {
  readonly connections: number;
  readonly connectTimeoutMs: number;
  /** The maximum size of a response before decompression. */
  readonly maxAnswerBytes: number;
}

/**
 * Creates a dispatcher for the upstream. A proxy is used through a tunnel. A request therefore begins, as without a
 * proxy, only after the connection to the upstream itself is established.
 */
export function createDispatcher(
  proxies: ProxySettings | null,
  { connections, connectTimeoutMs, maxAnswerBytes }: ConnectionOptions,
): Dispatcher {
  const options = { connections, maxResponseSize: maxAnswerBytes, connect: { timeout: connectTimeoutMs } };
  if (!proxies || (proxies.httpsProxy === null && proxies.httpProxy === null)) return new Agent(options);
  const tls = { timeout: connectTimeoutMs };
  // Empty if not set: otherwise undici reads the environment itself.
  const named = {
    httpProxy: proxies.httpProxy ?? '',
    httpsProxy: proxies.httpsProxy ?? '',
    noProxy: proxies.noProxy ?? '',
  };
  return new EnvHttpProxyAgent({ ...options, requestTls: tls, proxyTls: tls, ...named });
}
