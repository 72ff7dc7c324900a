/** A separate gateway for each test, with real HTTP, real sockets, a real database, and the sandbox as its upstream. */
import pino from 'pino';
import { expect } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { startGateway as start, type Gateway } from '../../src/gateway.ts';
import { createClient, type TestClient } from './client.ts';
import { createDatabase } from './database.ts';
import { createFolder } from './folder.ts';
import { onEnd } from './on-end.ts';
import { findFreePort } from '../../verification/harness/free-port.ts';
import { ordinaryKeyOf } from '../../verification/harness/ordinary-key.ts';

export interface TestGateway extends Gateway {
  /** An ordinary key of the account `default`, whatever the upstream. */
  readonly apiKey: string;
  readonly administratorKey: string;
  readonly databaseUrl: string;
  readonly client: TestClient;
  /** All lines that were logged. */
  readonly logs: Record<string, unknown>[];
}

const API_KEY = 'test-key-0123456789';
const APP_SECRET = 'test-secret-0123456789-0123456789-0123456789';

/**
 * Returns settings for a gateway that the test's upstream can call back and that can be restarted at the same address.
 */
export async function publicAddress(): Promise<{ readonly PORT: string; readonly PUBLIC_URL: string }> {
  const port = await findFreePort();
  return { PORT: String(port), PUBLIC_URL: `http://127.0.0.1:${port}` };
}

/**
 * Starts a gateway with settings by environment names. When the test ends, runs `beforeStop`, stops the gateway, and
 * checks for leftover sockets and watchers.
 */
export async function startGateway(
  overrides: Record<string, string> = {},
  beforeStop: () => Promise<void> = async () => undefined,
): Promise<TestGateway> {
  const databaseUrl = overrides.DATABASE_URL ?? (await createDatabase());
  const logs: Record<string, unknown>[] = [];
  const log = pino(
    { level: overrides.LOG_LEVEL ?? 'info' },
    { write: (line: string) => void logs.push(JSON.parse(line) as Record<string, unknown>) },
  );
  const config = loadConfig({
    DATABASE_URL: databaseUrl,
    API_KEY,
    APP_SECRET,
    PORT: '0',
    SANDBOX_PORT: '0',
    SANDBOX_SECONDS: '0.05',
    UPSTREAM_SUBMITS_PER_SECOND: '1000',
    DRAIN_SECONDS: '1',
    // Each gateway opens two connections for callbacks and submits instead of four.
    DATABASE_POOL_SIZE: '6',
    // These tests start hundreds of gateways, and the warm-up of each would take a quarter of a second.
    WARM_UP_SECONDS: '0',
    MAX_SOCKETS_PER_ADDRESS: '100000',
    MAX_SOCKETS_PER_KEY: '100000',
    DATA_DIR: await createFolder(),
    ...overrides,
  });
  const gateway = await start(config, log);
  // Every clone of the template database contains this key.
  const apiKey = ordinaryKeyOf();
  const client = createClient({ url: gateway.url, apiKey });
  onEnd(async () => {
    // The client stops first: losing its connection would surface as an error of the test.
    await client.stop();
    await beforeStop();
    await gateway.stop();
    expect({ sockets: gateway.live.sockets(), watchers: gateway.live.watchers() }, 'left over').toEqual({
      sockets: 0,
      watchers: 0,
    });
  });
  return { ...gateway, apiKey, administratorKey: API_KEY, databaseUrl, client, logs };
}

/** Returns the lines that the gateway logged as errors. */
export const faultsOf = ({ logs }: Pick<TestGateway, 'logs'>): Record<string, unknown>[] =>
  logs.filter(({ level }) => Number(level) >= 50);
