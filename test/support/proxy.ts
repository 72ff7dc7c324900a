/** The proving ground's TCP proxy for one test: it is cut when the test ends. */
import { onTestFinished } from 'vitest';
import { startTcpProxy, type TcpProxy } from '../../proving/stage/tcp-proxy.ts';

export async function startProxy(targetUrl: string): Promise<TcpProxy> {
  const proxy = await startTcpProxy(targetUrl);
  onTestFinished(() => proxy.cut());
  return proxy;
}
