/** The proving ground's TCP proxy for one test: it is cut when the test ends. */
import { startTcpProxy, type TcpProxy } from '../../proving/stage/tcp-proxy.ts';
import { onEnd } from './on-end.ts';

export async function startProxy(targetUrl: string): Promise<TcpProxy> {
  const proxy = await startTcpProxy(targetUrl);
  onEnd(() => proxy.cut());
  return proxy;
}
