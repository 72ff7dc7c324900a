/**
 * Clients that hang up: with a FIN or an RST, at any time or at the moment of their answer, over fresh or kept-alive
 * connections, directly or through a proxy.
 */
import { Agent, request, type ClientRequest } from 'node:http';
import { json } from 'node:stream/consumers';
import type { GatewayProcess } from '../../harness/gateway-process.ts';
import { startHttpProxy, type HttpProxy } from '../../harness/http-proxy.ts';
import type { Random } from '../../harness/random.ts';

export const ways = ['close', 'keepAlive', 'proxy', 'keepAliveProxy'] as const;
/** How the client connects to the gateway, or, if there is a proxy, how the proxy does. */
export type Way = (typeof ways)[number];

interface Answered {
  readonly kind: 'answered';
  readonly status: number;
  readonly body: { readonly task_id?: string; readonly error?: { readonly code: string } };
  /** 0 if the header is missing. */
  readonly retryAfterSeconds: number;
}

type Answer = Answered | { readonly kind: 'cut' | 'broken' };

/** `unread` resets the connection as soon as the answer starts to arrive, and does not use it. */
interface Cut {
  readonly afterMs: number;
  readonly how: 'close' | 'reset' | 'unread';
}

export interface HangingClients {
  /** Sends a submit. Resolves once it was answered, cut or broken. */
  ask(gateway: GatewayProcess, way: Way, body: object, cut: Cut | null): Promise<Answer>;
  /** Draws a cut. Half of the cuts happen around the time after which recent requests were answered. */
  drawCut(random: Random): Cut;
  stop(): Promise<void>;
}

const ASK_TIMEOUT_MS = 30_000;
const MAX_CUT_MS = 700;
/** The number of recent quick answers from whose times the median is computed. */
const KEPT_TIMES = 15;
const AIM: readonly [number, number] = [0.7, 1.2];

export async function createHangingClients(
  gateways: readonly GatewayProcess[],
  apiKey: string,
): Promise<HangingClients> {
  const agent = new Agent({ keepAlive: true });
  const proxies = new Map<string, HttpProxy>();
  for (const { name, url } of gateways)
    for (const keepAlive of [false, true]) proxies.set(`${name} ${keepAlive}`, await startHttpProxy(url, keepAlive));
  const quickMs: number[] = [];

  const urlOf = ({ name, url }: GatewayProcess, way: Way): string =>
    way === 'proxy' || way === 'keepAliveProxy' ? proxies.get(`${name} ${way === 'keepAliveProxy'}`)!.url : url;

  function open(url: string, way: Way): ClientRequest {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` };
    return request(`${url}/kling/motion`, {
      method: 'POST',
      agent: way === 'keepAlive' ? agent : false,
      timeout: ASK_TIMEOUT_MS,
      headers,
    });
  }

  return {
    ask: (gateway, way, body, cut) =>
      new Promise((resolve) => {
        const from = performance.now();
        const sent = open(urlOf(gateway, way), way);
        let timer: NodeJS.Timeout | undefined;
        const end = (answer: Answer): void => {
          clearTimeout(timer);
          resolve(answer);
        };
        const hangUp = (): void => {
          end({ kind: 'cut' });
          if (cut?.how !== 'close') sent.socket?.resetAndDestroy();
          sent.destroy();
        };
        sent.on('finish', () => cut && cut.how !== 'unread' && (timer = setTimeout(hangUp, cut.afterMs)));
        sent.on('timeout', () => sent.destroy()).on('error', () => end({ kind: 'broken' }));
        sent.on('response', (response) => {
          clearTimeout(timer);
          response.on('error', () => end({ kind: 'broken' }));
          if (cut?.how === 'unread') return hangUp();
          const ms = performance.now() - from;
          if (ms < MAX_CUT_MS && quickMs.push(ms) > KEPT_TIMES) quickMs.shift();
          const retryAfterSeconds = Number(response.headers['retry-after'] ?? 0);
          json(response).then(
            (read) =>
              end({
                kind: 'answered',
                status: response.statusCode!,
                body: read as Answered['body'],
                retryAfterSeconds,
              }),
            () => end({ kind: 'broken' }),
          );
        });
        sent.end(JSON.stringify(body));
      }),

    drawCut(random) {
      const how = random.pick(['close', 'close', 'reset', 'reset', 'unread'] as const);
      const median = quickMs.toSorted((one, other) => one - other)[quickMs.length >> 1];
      return {
        how,
        afterMs:
          median !== undefined && random.chance(0.5) ? median * random.between(...AIM) : random.between(0, MAX_CUT_MS),
      };
    },

    async stop() {
      agent.destroy();
      for (const proxy of proxies.values()) await proxy.stop();
    },
  };
}
