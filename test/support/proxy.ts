/** The TCP proxy of the proofs, for a single test. It closes when the test ends. */
import { startTcpProxy, type TcpProxy } from '../../verification/harness/tcp-proxy.ts';
import { onEnd } from './on-end.ts';

export async function startProxy(targetUrl: string): Promise<TcpProxy> {
  const proxy = await startTcpProxy(targetUrl);
  onEnd(() => proxy.cut());
  return proxy;
}
