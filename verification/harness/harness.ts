/**
 * The test harness of the proofs: a database, the simulated upstream, gateways behind proxies, and one public address
 * in front of them.
 */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { UpstreamOptions } from './upstream/messages.ts';
import { startDatabase, type HarnessDatabase } from './database.ts';
import { createFolder } from './folder.ts';
import { startForwarder } from './forwarder.ts';
import { findFreePort } from './free-port.ts';
import { createGatewayProcess, type GatewayProcess } from './gateway-process.ts';
import { send, type Operation, type Reply } from './graphql-client.ts';
import { giveKey } from './ordinary-key.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';
import { startUpstreamProcess, type UpstreamProcess } from './upstream-process.ts';

export const ADMINISTRATOR_KEY = 'verification-administrator-key';
const APP_SECRET = 'a-secret-of-the-verification-only';

/**
 * Settings that effectively disable the limits per key, account and address, because one key and one address send the
 * load of many clients here.
 */
export const unlimited = {
  REQUESTS_PER_MINUTE: '100000000',
  SUBMITS_PER_MINUTE: '100000000',
  SUBMITS_PER_MINUTE_PER_ACCOUNT: '100000000',
  MAX_SOCKETS_PER_ADDRESS: '1000000',
  MAX_SOCKETS_PER_KEY: '1000000',
} as const;

export interface HarnessOptions {
  readonly gateways: number;
  /** The built program; defaults to the project's own. */
  readonly dist?: string;
  /** Settings that override the defaults of the harness. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly upstream: Omit<UpstreamOptions, 'ledgerFile' | 'gateways'>;
  /**
   * Whether gateways connect to the database through a proxy, and accept orders to crash. Disabled where times are
   * measured, because the proxies run in this process and would distort them.
   */
  readonly breakable?: boolean;
  readonly log?: (message: string) => void;
}

export interface Harness {
  /** Contains the ledger, the logs and the data. `stop` removes it unless it is to be kept. */
  readonly folder: string;
  readonly ledgerFile: string;
  /** Ordered crashes that happened, as recorded by the gateways. */
  readonly killFile: string;
  /** Empty without gateways. */
  readonly apiKey: string;
  readonly database: HarnessDatabase;
  readonly upstream: UpstreamProcess;
  readonly gateways: readonly GatewayProcess[];
  /**
   * The proxies between each gateway and the database, with the same indexes as the gateways. Empty if these are not
   * breakable.
   */
  readonly databaseProxies: readonly TcpProxy[];
  /** The address to which the upstream sends callbacks. */
  readonly publicUrl: string;
  /** Sends a GraphQL operation to one gateway. */
  send<T>(gateway: GatewayProcess, operation: Operation): Promise<Reply<T>>;
  /** Stops all processes. Idempotent. */
  stop(keepFolder?: boolean): Promise<void>;
}

export async function startHarness({
  gateways: count,
  dist = projectDist,
  settings = {},
  upstream: upstreamOptions,
  breakable = true,
  log = () => undefined,
}: HarnessOptions): Promise<Harness> {
  const { folder, databaseFolder } = createFolder();
  const ledgerFile = join(folder, 'ledger.jsonl');
  const killFile = join(folder, 'kill-points.jsonl');
  const stops: (() => Promise<unknown>)[] = [];
  let stopped: Promise<void> | undefined;
  const stopAll = async (keepFolder: boolean): Promise<void> => {
    for (const stop of stops.reverse())
      await stop().catch((error: unknown) => log(`a part of the harness did not stop: ${String(error)}`));
    if (!keepFolder) rmSync(folder, { recursive: true, force: true });
  };

  try {
    const database = await startDatabase(databaseFolder, log);
    stops.push(() => database.stop());
    const names = Array.from({ length: count }, (_, index) => `g${index + 1}`);
    const upstream = await startUpstreamProcess({ ...upstreamOptions, ledgerFile, gateways: names });
    stops.push(() => upstream.stop());
    const ports = await findFreePorts(count);
    const forwarder = await startForwarder(ports);
    stops.push(() => forwarder.stop());
    const databaseProxies: TcpProxy[] = [];
    const gateways: GatewayProcess[] = [];
    for (const [index, name] of names.entries()) {
      const proxy = breakable ? await startTcpProxy(database.url) : null;
      if (proxy) {
        stops.push(() => proxy.cut());
        databaseProxies.push(proxy);
      }
      const gateway = createGatewayProcess({
        name,
        dist,
        port: ports[index]!,
        logFile: join(folder, `${name}.log`),
        killFile: breakable ? killFile : null,
        settings: {
          DATABASE_URL: proxy?.url ?? database.url,
          DATA_DIR: join(folder, name),
          API_KEY: ADMINISTRATOR_KEY,
          APP_SECRET,
          UPSTREAM: 'acedata',
          ACEDATA_API_TOKEN: 'verification-token',
          ACEDATA_BASE_URL: upstream.urlFor(name),
          PUBLIC_URL: forwarder.url,
          ...unlimited,
          ...settings,
        },
      });
      stops.push(() => gateway.kill());
      gateways.push(gateway);
    }
    await Promise.all(gateways.map((gateway) => gateway.start()));
    // The first gateway has migrated the database.
    const apiKey = count > 0 ? await giveKey(database.url) : '';
    return {
      folder,
      ledgerFile,
      killFile,
      apiKey,
      database,
      upstream,
      gateways,
      databaseProxies,
      publicUrl: forwarder.url,
      send: (gateway, operation) => send(gateway.url, apiKey, operation),
      stop: (keepFolder = false) => (stopped ??= stopAll(keepFolder)),
    };
  } catch (error) {
    await stopAll(true);
    throw error;
  }
}

const projectDist = fileURLToPath(new URL('../../dist', import.meta.url));

async function findFreePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await findFreePort());
  return [...ports];
}
