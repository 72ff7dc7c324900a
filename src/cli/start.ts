/** `motion-gateway start`: runs a gateway until a signal stops it. */
import pino from 'pino';
import type { Config } from '../config.ts';
import type { Gateway } from '../gateway.ts';
import { CommandError, type Command } from './command.ts';
import { readEnvironment } from './environment.ts';

const HELP = `Usage: motion-gateway start

Starts a gateway and serves until SIGTERM or SIGINT. Settings are environment variables: docs/settings.md.`;

/**
 * `npm start` forwards a Ctrl-C that the terminal has also sent to this process. Only a signal after this time counts
 * as a second one.
 */
const SECOND_SIGNAL_MS = 1_000;

export const start: Command = {
  help: HELP,
  options: [],
  async run(input) {
    if (input.positionals.length > 0) throw new CommandError(HELP, 2);
    const { config, warnings } = readEnvironment();
    const log = pino({
      level: config.LOG_LEVEL,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: {
        paths: ['req.headers', 'headers.authorization', '*.authorization', '*.apiKey', '*.token'],
        censor: '[redacted]',
      },
      serializers: { req: ({ id, method }: { id: string; method: string }) => ({ id, method }) },
    });
    for (const warning of warnings) log.warn({}, warning);
    // Imported only now, because loading it takes most of a second: invalid settings are reported before that.
    const starting = import('../gateway.ts').then(({ startGateway }) => startGateway(config, log));
    const isAskedToStop = stopOnSignals(starting, log);
    try {
      const gateway = await starting;
      if (!isAskedToStop()) console.log(banner(config, gateway));
      return null;
    } catch (error) {
      if (config.LOG_LEVEL === 'debug' || config.LOG_LEVEL === 'trace') console.error(error);
      const { explainFailure } = await import('../compose/explain-failure.ts');
      throw new CommandError(
        explainFailure(error, { host: config.HOST, port: config.PORT, hasDatabaseUrl: config.DATABASE_URL !== null }),
      );
    }
  },
};

/**
 * Drains and stops the gateway on the first signal. A second signal, more than a second later, ends the process at
 * once. The returned function returns true after the first signal.
 */
function stopOnSignals(starting: Promise<Gateway>, log: pino.Logger): () => boolean {
  let askedAt: number | null = null;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (askedAt !== null) {
        if (performance.now() - askedAt > SECOND_SIGNAL_MS) process.exit(130);
        log.info({ signal }, 'already draining');
        return;
      }
      askedAt = performance.now();
      log.info({ signal }, 'draining');
      // A start in progress completes first, because only then can everything that it has started be stopped.
      const stopped = () => {
        log.info({}, 'stopped');
        process.exit(0);
      };
      // The code that awaits the start reports why it failed.
      void starting.then((gateway) => gateway.stop()).then(stopped, () => undefined);
    });
  }
  return () => askedAt !== null;
}

/** Describes the proxy, without any credentials in its URL. */
function describeProxy(config: Config): string {
  const proxy = /^https:/i.test(config.ACEDATA_BASE_URL)
    ? (config.HTTPS_PROXY ?? config.HTTP_PROXY)
    : config.HTTP_PROXY;
  return proxy === null ? '' : `, through the proxy ${new URL(proxy).origin} unless NO_PROXY names the host`;
}

function banner(config: Config, { url, sandboxUrl, publicUrl, apiKey }: Gateway): string {
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
      ? [`  SANDBOX: ${sandboxUrl} replaces the paid API. Results are samples, and nothing is charged.`]
      : [`  Upstream         ${config.ACEDATA_BASE_URL} (jobs cost money)${describeProxy(config)}`]),
    ...(publicUrl === null
      ? [
          '  Without PUBLIC_URL the upstream cannot call back: results are found by polling, a few seconds later, ' +
            'and a submit whose answer is lost cannot be linked to its task.',
        ]
      : []),
    '',
  ];
  return lines.join('\n');
}
