/** The process: environment in, exit code out. */
import pino from 'pino';
import { ConfigError, loadConfig, type Config } from './config.ts';
import { startGateway, type Gateway } from './gateway.ts';
import { explainFailure } from './start/explain-failure.ts';

function readConfig(): Config {
  try {
    return loadConfig(process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.problems.join('\n'));
    process.exit(1);
  }
}

const config = readConfig();
const log = pino({
  level: config.LOG_LEVEL,
  redact: { paths: ['req.headers', 'headers.authorization', '*.authorization', '*.apiKey', '*.token'], censor: '[redacted]' },
  serializers: { req: ({ id, method }: { id: string; method: string }) => ({ id, method }) },
});

const starting = startGateway(config, log);

/** `npm start` passes on a Ctrl-C that the terminal has sent here too: only a later one is somebody's second. */
const SECOND_SIGNAL_MS = 1_000;

let askedAt: number | null = null;
for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.on(signal, () => {
    if (askedAt !== null) {
      if (Date.now() - askedAt > SECOND_SIGNAL_MS) process.exit(130);
      return;
    }
    askedAt = Date.now();
    log.info({ signal }, 'draining');
    // A start under way ends first: what it started is what has to be stopped.
    void starting.then((gateway) => gateway.stop()).then(() => {
      log.info({}, 'stopped');
      process.exit(0);
    });
  });
}

try {
  const gateway = await starting;
  if (askedAt === null) console.log(banner(gateway));
} catch (error) {
  if (config.LOG_LEVEL === 'debug' || config.LOG_LEVEL === 'trace') console.error(error);
  console.error(explainFailure(error, { host: config.HOST, port: config.PORT, hasDatabaseUrl: config.DATABASE_URL !== null }));
  process.exit(1);
}

/** Without the credentials that its URL may hold. */
function describeProxy(): string {
  const proxy = /^https:/i.test(config.ACEDATA_BASE_URL) ? (config.HTTPS_PROXY ?? config.HTTP_PROXY) : config.HTTP_PROXY;
  return proxy === null ? '' : `, through the proxy ${new URL(proxy).origin} unless NO_PROXY names the host`;
}

function banner({ url, sandboxUrl, publicUrl, apiKey }: Gateway): string {
  const lines = [
    '',
    `  Motion gateway   ${url}`,
    '',
    ...(config.PLAYGROUND ? [`  Playground       ${url}/playground`] : []),
    `  GraphQL          ${url}/graphql   (HTTP and WebSocket)`,
    `  Health           ${url}/livez  ${url}/readyz`,
    ...(apiKey !== null ? [`  API key          ${apiKey}`] : []),
    '',
    ...(sandboxUrl
      ? [`  SANDBOX: ${sandboxUrl} stands in for the paid API. Results are samples, nothing is paid.`]
      : [`  Upstream         ${config.ACEDATA_BASE_URL} (jobs cost money)${describeProxy()}`]),
    ...(publicUrl === null
      ? ['  Without PUBLIC_URL the upstream cannot call back: results are found by polling, some seconds later, and a lost submit answer cannot be repaired.']
      : []),
    '',
  ];
  return lines.join('\n');
}
