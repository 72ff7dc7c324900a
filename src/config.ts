/**
 * The configuration: reads the settings once and reports all invalid variables at once. Apart from `ENV_FILE`, no other
 * module reads a setting from the environment.
 */
import type { Facts, Setting } from './settings/setting.ts';
import { settings } from './settings/table.ts';
import { EXPECTED, leavesTlsOpen, SSL_MODES } from './settings/values.ts';
import { parseUrl } from './network/parse-url.ts';

type ValueOf<S> = S extends Setting<infer T> ? T : never;
type Name = keyof typeof settings;

/** The values that are set; undefined for a setting that is not set or is invalid. */
type WrittenValues = { readonly [K in Name]: ValueOf<(typeof settings)[K]> | undefined };

/** Values of all settings with their defaults, apart from those that only decide the defaults of others. */
export type Config = {
  readonly [K in Exclude<Name, 'NODE_ENV' | 'ENV_FILE' | 'EMBEDDED_DATABASE'>]: ValueOf<(typeof settings)[K]>;
};

/** All problems with the environment, one line each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
  }
}

/**
 * Reads the settings from `env`. Throws a `ConfigError` that names every invalid variable and what was expected. Values
 * are not repeated, because they may be secrets.
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = [];
  const written = parseSettings(env, problems);
  const facts = factsOf(written);
  problems.push(
    ...problemsOfUpstream(written, facts, problems),
    ...problemsOfDatabase(written, facts, problems, env.PGSSLMODE),
  );
  if (problems.length > 0) throw new ConfigError([...new Set(problems)]);
  return Object.fromEntries(
    Object.entries(settings).map(([name, { default: fallback }]) => [
      name,
      written[name as Name] ?? fallback.derive(facts),
    ]),
  ) as unknown as Config;
}

/** True if the gateway runs with the sandbox on a loopback host: nothing is paid, and only this machine has access. */
export const isOpenSandbox = ({ UPSTREAM, HOST }: Pick<Config, 'UPSTREAM' | 'HOST'>): boolean =>
  UPSTREAM === 'sandbox' && (HOST === 'localhost' || HOST === '::1' || /^127\.\d+\.\d+\.\d+$/.test(HOST));

function parseSettings(env: Readonly<Record<string, string | undefined>>, problems: string[]): WrittenValues {
  const values: Record<string, unknown> = {};
  for (const [name, { schema, expected }] of Object.entries(settings)) {
    // By convention, the lower-case spelling of these names takes precedence.
    const parsed = schema.safeParse(
      (/_PROXY$/.test(name) ? env[name.toLowerCase()]?.trim() || env[name] : env[name]) ?? undefined,
    );
    if (parsed.success) values[name] = parsed.data;
    else {
      const said = parsed.error.issues.find(({ message }) => message.startsWith(EXPECTED))?.message;
      problems.push(`${name}: ${said ?? `${EXPECTED}${expected}`}`);
    }
  }
  return values as unknown as WrittenValues;
}

function factsOf({ NODE_ENV, UPSTREAM, ACEDATA_API_TOKEN, PUBLIC_URL, HOST, PORT }: WrittenValues): Facts {
  const upstream = UPSTREAM ?? (ACEDATA_API_TOKEN ? 'acedata' : 'sandbox');
  return {
    isProduction: NODE_ENV === 'production',
    upstream,
    isReachable: upstream === 'sandbox' || PUBLIC_URL !== undefined,
    isOpenSandbox: isOpenSandbox({ UPSTREAM: upstream, HOST: HOST ?? '127.0.0.1' }),
    port: PORT ?? 4000,
  };
}

/** True if a problem of one of these settings was already reported; it is then not reported twice. */
const isReported = (problems: readonly string[], ...names: readonly Name[]): boolean =>
  problems.some((problem) => names.some((name) => problem.startsWith(`${name}:`)));

const isProxyUrl = (text: string): boolean => ['http:', 'https:'].includes(parseUrl(text)?.protocol ?? '');

/** Returns the problems of upstream settings that are valid individually but missing or contradict each other. */
function problemsOfUpstream(read: WrittenValues, facts: Facts, problems: readonly string[]): string[] {
  const found: string[] = [];
  const isNamed = Boolean(read.UPSTREAM ?? read.ACEDATA_API_TOKEN);
  if (facts.isProduction && !isNamed && !isReported(problems, 'UPSTREAM', 'ACEDATA_API_TOKEN'))
    found.push('UPSTREAM: in production, set ACEDATA_API_TOKEN, or set `UPSTREAM=sandbox`');
  if (facts.upstream === 'sandbox') {
    if (read.SANDBOX_PORT && read.SANDBOX_PORT === facts.port) found.push('SANDBOX_PORT: must differ from PORT');
    return found;
  }
  if (!read.ACEDATA_API_TOKEN && !isReported(problems, 'ACEDATA_API_TOKEN'))
    found.push('ACEDATA_API_TOKEN: required with `UPSTREAM=acedata`');
  for (const name of ['HTTPS_PROXY', 'HTTP_PROXY'] as const) {
    const url = read[name];
    if (url && !isProxyUrl(url)) found.push(`${name}: expected ${settings[name].expected}`);
  }
  if (read.LISTING_LOOKUP === 'on' && !read.PUBLIC_URL && !isReported(problems, 'PUBLIC_URL'))
    found.push('PUBLIC_URL: required with `LISTING_LOOKUP=on`, which finds tasks by their callback URL');
  return found;
}

/** Returns the problems of database settings that are valid individually but missing or contradict each other. */
function problemsOfDatabase(
  read: WrittenValues,
  { isProduction }: Facts,
  problems: readonly string[],
  sslMode: string | undefined,
): string[] {
  const found: string[] = [];
  if (!read.DATABASE_URL) {
    const usesEmbedded = read.EMBEDDED_DATABASE ?? !isProduction;
    if (!usesEmbedded && !isReported(problems, 'DATABASE_URL', 'EMBEDDED_DATABASE'))
      found.push(
        'DATABASE_URL: required in production and with `EMBEDDED_DATABASE=off`; set `EMBEDDED_DATABASE=on` to use the embedded server, whose data exists on this machine only',
      );
    return found;
  }
  if (!read.API_KEY && !isReported(problems, 'API_KEY'))
    found.push('API_KEY: required with DATABASE_URL, so that all instances share it: 16 to 255 visible characters');
  if (!read.APP_SECRET && !isReported(problems, 'APP_SECRET'))
    found.push(
      'APP_SECRET: required with DATABASE_URL, so that all instances share it: secrets of at least 32 characters, comma separated',
    );
  // Checked as written, because `pg` accepts neither white space nor upper case here.
  if (sslMode && !SSL_MODES.includes(sslMode) && leavesTlsOpen(read.DATABASE_URL))
    found.push(`PGSSLMODE: expected one of ${SSL_MODES.join(', ')}, or sslmode in DATABASE_URL`);
  if (read.EMBEDDED_DATABASE)
    found.push('EMBEDDED_DATABASE: expected `off` with DATABASE_URL, which names another server');
  return found;
}
