/**
 * The settings, in one table that is read once. `loadConfig` reports all invalid variables at once. `docs/settings.md`
 * is generated from the same table. Apart from `ENV_FILE`, no other module reads a setting from the environment.
 */
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { parseOrigin } from './settings/origins.ts';
import {
  baseUrl,
  decimalIn,
  domainNames,
  EXPECTED,
  hostNames,
  integerIn,
  keyText,
  leavesTlsOpen,
  list,
  listenHost,
  oneOf,
  onOrOff,
  optional,
  postgresUrl,
  proxies,
  secret,
  SSL_MODES,
  visible,
} from './settings/values.ts';
import { parseUrl } from './network/parse-url.ts';

interface Setting<T> {
  readonly schema: z.ZodType<T>;
  /** Description of a valid value; completes "expected ...". */
  readonly expected: string;
  /** Default value, as stated in the documentation. */
  readonly fallback: string;
  readonly meaning: string;
}

function setting<T>(schema: z.ZodType<T>, expected: string, fallback: string, meaning: string): Setting<T> {
  return { schema, expected, fallback, meaning };
}

const integer = (min: number, max: number, fallback: number, meaning: string) =>
  setting(
    optional(integerIn(min, max)).transform((value) => value ?? fallback),
    `an integer from ${min} to ${max}`,
    String(fallback),
    meaning,
  );

const decimal = (min: number, max: number, fallback: number, meaning: string) =>
  setting(
    optional(decimalIn(min, max)).transform((value) => value ?? fallback),
    `a number from ${min} to ${max}`,
    String(fallback),
    meaning,
  );

const maybe = <T>(schema: z.ZodType<T>, expected: string, fallback: string, meaning: string) =>
  setting(
    optional(schema).transform((value) => value ?? null),
    expected,
    fallback,
    meaning,
  );

/** Minimum retention: no further events are expected of a job of this age. */
const MIN_DAYS = 7;
const MAX_DAYS = 36_500;

const maybeDays = (fallback: string, meaning: string) =>
  maybe(integerIn(MIN_DAYS, MAX_DAYS), `an integer from ${MIN_DAYS} to ${MAX_DAYS}`, fallback, meaning);

const flag = (fallback: string, meaning: string) => maybe(onOrOff, '`on` or `off`', fallback, meaning);

const switchOf = (fallback: 'on' | 'off', meaning: string) =>
  setting(
    optional(onOrOff).transform((value): 'on' | 'off' => (value === undefined ? fallback : value ? 'on' : 'off')),
    '`on` or `off`',
    fallback,
    meaning,
  );

const choice = <const T extends string>(values: readonly T[], fallback: T, meaning: string) =>
  setting(
    optional(oneOf(values)).transform((value) => value ?? fallback),
    `one of ${values.map((value) => `\`${value}\``).join(', ')}`,
    fallback,
    meaning,
  );

/**
 * Parses an entry of `EGRESS_ALLOW`; returns null if it is not valid. A host name is accepted only in the spelling of
 * WHATWG `URL`.
 */
function parseReceiver(entry: string) {
  const [, network, prefix] = /^([^/]+)\/(\d{1,3})$/.exec(entry) ?? [];
  if (network !== undefined) return toNetwork(network, Number(prefix), null);
  if (isIP(entry) === 6) return toNetwork(entry, 128, null);
  const [, bracketed, plain = '', digits] = /^(?:\[([^\]]+)\]|([a-z0-9_.-]+))(?::(\d{1,5}))?$/i.exec(entry) ?? [];
  const port = digits === undefined ? null : Number(digits);
  if (port !== null && (port < 1 || port > 65_535)) return null;
  if (bracketed !== undefined) return isIP(bracketed) === 6 ? toNetwork(bracketed, 128, port) : null;
  if (isIP(plain) === 4) return toNetwork(plain, 32, port);
  const name = plain.toLowerCase().replace(/\.$/, '');
  const isName = !/^\.|\.\.|\.$/.test(name) && parseUrl(`http://${name}`)?.hostname === name;
  return isName ? { kind: 'name' as const, name, port } : null;
}

function toNetwork(address: string, prefix: number, port: number | null) {
  const bits = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0;
  if (prefix > bits || address.includes('%')) return null;
  // IPv4-mapped IPv6 addresses are converted to IPv4 before they are compared, so this entry would never match.
  const parsed = ipaddr.parse(address);
  if (parsed instanceof ipaddr.IPv6 && parsed.isIPv4MappedAddress()) return null;
  return { kind: 'network' as const, address, prefix, port };
}

const receivers = list.transform((entries, context) =>
  entries.map((entry) => {
    const parsed = parseReceiver(entry);
    if (parsed === null) context.addIssue({ code: 'custom', message: 'no receiver' });
    return parsed ?? z.NEVER;
  }),
);

const origins = list.transform((entries, context) =>
  entries.map((entry) => {
    const parsed = parseOrigin(entry);
    if (parsed === null) context.addIssue({ code: 'custom', message: 'not an origin' });
    return parsed ?? z.NEVER;
  }),
);

/** All settings, by the name of their environment variable. */
export const settings = {
  NODE_ENV: maybe(
    z
      .string()
      .toLowerCase()
      .refine((value) => value === 'production' || !value.startsWith('prod')),
    '`production`, `development` or another name that does not begin with `prod`',
    'none',
    '`production` turns off playground and introspection, and wants upstream and database to be named',
  ),
  ENV_FILE: setting(
    optional(z.string()).transform((value) => value ?? '.env'),
    'a file, or `off`',
    '.env in the working directory, when there is one',
    'a file with settings, one `NAME=value` a line, read at the start; variables of the environment win over it. Not read from the file itself',
  ),
  HOST: setting(
    optional(listenHost).transform((value) => value ?? '127.0.0.1'),
    'a host name or address without a port',
    '127.0.0.1',
    'where it listens; `localhost` is one address, IPv4 if it has one',
  ),
  PORT: integer(0, 65_535, 4000, 'where it listens; 0 takes any free port'),
  TRUST_PROXY: maybe(
    proxies,
    'addresses or networks, comma separated',
    'none',
    'the proxies whose `X-Forwarded-*` headers count: `10.0.0.1`, `10.0.0.0/8`, `loopback`, `linklocal`, `uniquelocal`',
  ),
  PUBLIC_URL: maybe(
    baseUrl,
    'an http(s) URL',
    'with the sandbox our own loopback address, else none',
    'how the upstream reaches us; without it results are found by polling only',
  ),
  DATABASE_URL: maybe(
    postgresUrl,
    'a postgres:// URL',
    'none: the embedded server',
    'a PostgreSQL server, 15 to 18, with the parameters of libpq (`?sslmode=verify-full`); what it leaves out is taken from `PGHOST`, `PGPORT`, `PGUSER`, `PGPASSWORD`, `PGPASSFILE`, `PGDATABASE` and `PGSSLMODE`, and nothing else from `PG*`. The embedded server takes nothing from there',
  ),
  EMBEDDED_DATABASE: flag(
    'on outside production without `DATABASE_URL`',
    'whether the embedded server is used; in production it must be asked for',
  ),
  DATABASE_POOL_SIZE: integer(
    2,
    200,
    10,
    'connections for clients; health checks have one of their own, and so has the feed of changes; submits and callbacks have a third as many of their own, which are opened and warmed up before the gateway listens. A third of the former and all of the latter stay open when they are idle',
  ),
  STATEMENT_TIMEOUT_SECONDS: decimal(
    0.1,
    60,
    3,
    'how long the database may take for one statement of the gateway, the wait for locks and for a busy machine included; an operation that waits for it is then answered with `SERVICE_UNAVAILABLE`, and a callback is tried again for `CALLBACK_WAIT_SECONDS`',
  ),
  WARM_UP_SECONDS: decimal(
    0,
    60,
    3,
    'how long a start prepares the connections for callbacks before it listens, at most; 0 leaves this to the first callbacks',
  ),
  DATA_DIR: setting(
    optional(z.string()).transform((value) => value ?? '.data'),
    'a folder',
    '.data',
    'where the embedded server, the generated key and secret live',
  ),
  UPSTREAM: maybe(
    oneOf(['acedata', 'sandbox']),
    '`acedata` or `sandbox`',
    '`acedata` with a token, else `sandbox`',
    'what generates; in production without a token it must be written',
  ),
  UPSTREAM_ID: maybe(
    z.string().regex(/^[a-z0-9_.-]{1,64}$/),
    '1 to 64 of `a-z0-9_.-`',
    'the value of `UPSTREAM`',
    'the name a job remembers its upstream by; change it with the upstream account, not with the token',
  ),
  ACEDATA_API_TOKEN: maybe(visible(1), 'up to 255 visible characters', 'none', 'the upstream token'),
  HTTPS_PROXY: maybe(
    z.string(),
    'the http(s) URL of a proxy',
    'none',
    'the proxy to an upstream of `https://`; `https_proxy` counts before it. Webhooks never use a proxy, and neither does the sandbox',
  ),
  HTTP_PROXY: maybe(
    z.string(),
    'the http(s) URL of a proxy',
    'none',
    'the proxy to an upstream of `http://`, and to one of `https://` where `HTTPS_PROXY` is not set; `http_proxy` counts before it',
  ),
  NO_PROXY: maybe(
    z.string(),
    'host names, comma separated',
    'none',
    'hosts that are reached without a proxy; `no_proxy` counts before it',
  ),
  ACEDATA_BASE_URL: setting(
    optional(baseUrl).transform((value) => value ?? 'https://api.acedata.cloud'),
    'an http(s) URL',
    'https://api.acedata.cloud',
    'the upstream',
  ),
  API_KEY: maybe(
    keyText(16),
    '16 to 255 visible characters, other than the example',
    'generated at first start into `DATA_DIR`; required with `DATABASE_URL`',
    'the key of administrators; ordinary keys belong to accounts',
  ),
  APP_SECRET: maybe(
    list.pipe(z.array(secret(32)).min(1)),
    'secrets of at least 32 characters, comma separated, other than the example',
    'generated at first start into `DATA_DIR`; required with `DATABASE_URL`',
    'signs callback URLs and client tokens, and seals the secrets of webhooks; the first signs and seals, all verify and open',
  ),
  REGISTRATION: maybe(
    oneOf(['open', 'closed']),
    '`open` or `closed`',
    '`open` with the sandbox on a loopback host, else `closed`',
    'whether who has no key may apply for one with `acquireAccess`',
  ),
  FREE_QUOTA: integer(
    0,
    1_000_000,
    10,
    'jobs that an applicant may use: on a first application with the sandbox on a loopback host, elsewhere only from `REGISTRATION_DOMAINS`',
  ),
  REGISTRATION_DOMAINS: setting(
    optional(domainNames).transform((value) => value ?? []),
    'domain names such as `example.com`, comma separated',
    'none',
    'e-mail domains whose applicants get `FREE_QUOTA` without approval; that the address is theirs is not checked',
  ),
  FREE_QUOTA_PER_DAY: integer(
    0,
    1_000_000_000,
    100,
    'jobs granted per day to all applicants of `REGISTRATION_DOMAINS` together; later applicants wait for approval',
  ),
  REGISTRATIONS_PER_HOUR: integer(1, 1_000_000, 20, 'applications from one address in an hour, over all instances'),
  MAX_KEYS_PER_ACCOUNT: integer(1, 10_000, 50, 'keys of an account that have not ended'),
  UPSTREAM_MAX_IN_FLIGHT: integer(1, 1000, 5, 'tasks at the upstream at once, over all instances'),
  UPSTREAM_SUBMITS_PER_SECOND: decimal(0.01, 1000, 1, 'submits to the upstream, over all instances'),
  UNCONFIRMED_SLOT_SECONDS: integer(1, 86_400, 330, 'how long a job whose submit has an unknown fate holds its slot'),
  SUBMIT_TIMEOUT_SECONDS: maybe(
    decimalIn(0.1, 900),
    'a number from 0.1 to 900',
    '30; without `PUBLIC_URL` 330',
    'how long a submit may take before its fate counts as unknown',
  ),
  POLL_FIRST_SECONDS: maybe(
    decimalIn(0.05, 3600),
    'a number from 0.05 to 3600',
    '180; without `PUBLIC_URL` 10',
    'when a job that we have not heard of is first asked for',
  ),
  POLL_INTERVAL_SECONDS: maybe(
    decimalIn(0.05, 3600),
    'a number from 0.05 to 3600',
    '60; without `PUBLIC_URL` 10',
    'how often after that, for the first 15 minutes',
  ),
  JOB_DEADLINE_SECONDS: decimal(0.1, 86_400, 1200, 'from the attempt to `TIMED_OUT`'),
  QUEUE_DEADLINE_SECONDS: decimal(0.1, 604_800, 86_400, 'from acceptance to `QUEUE_EXPIRED`'),
  LISTING_LOOKUP: switchOf(
    'off',
    "whether a job whose submit was never answered is looked for by listing the upstream's tasks; undocumented by the vendor, and needs `PUBLIC_URL`",
  ),
  CALLBACK_CONFIRM: choice(['odd', 'always'], 'odd', 'which callbacks are confirmed by a look-up before they count'),
  KEEP_JOBS_DAYS: maybeDays(
    'none: permanently',
    'how long a job is kept after its end; its callbacks and its timeline go with it',
  ),
  KEEP_TIMELINES_DAYS: maybeDays('as long as the job', 'how long an entry of a timeline is kept'),
  KEEP_CALLBACKS_DAYS: integer(MIN_DAYS, MAX_DAYS, 30, 'how long a callback is kept as it came, signed links redacted'),
  KEEP_WEBHOOKS_DAYS: integer(MIN_DAYS, MAX_DAYS, 30, 'how long webhooks and the log of their deliveries are kept'),
  KEEP_SPENT_KEYS_DAYS: integer(
    MIN_DAYS,
    MAX_DAYS,
    30,
    'how long the idempotency key of a deleted job is refused, counted from the deletion',
  ),
  KEEP_ENDED_KEYS_DAYS: integer(
    MIN_DAYS,
    MAX_DAYS,
    90,
    'how long an API key is listed after it was revoked or has expired',
  ),
  KEEP_ACCOUNT_LOG_DAYS: maybeDays('none: permanently', 'how long the log of changes of accounts and keys is kept'),
  SANDBOX_SECONDS: decimal(0.01, 3600, 6, 'how long a task of the sandbox takes'),
  SANDBOX_PORT: maybe(
    integerIn(0, 65_535),
    'an integer from 0 to 65535',
    'next to `PORT`',
    'where the sandbox listens, on loopback only',
  ),
  PLAYGROUND: flag('on outside production', 'whether `/playground` is served'),
  INTROSPECTION: flag('on outside production', 'whether the schema can be asked for'),
  ALLOWED_HOSTS: maybe(
    hostNames,
    'host names without ports, comma separated; `*.example.com` for those below it',
    'with the sandbox on a loopback host `localhost, 127.0.0.1, [::1]`, else any',
    'the names that requests may be sent to; others are answered 421',
  ),
  CORS_ORIGINS: maybe(
    origins,
    'origins, comma separated: scheme and host, and the port unless it is the default one, without a path (`https://app.example.com`, `http://localhost:5173`); `https://*.example.com` for the names one label below it; `*` for any',
    'with the sandbox on a loopback host any port of `http(s)://localhost`, `127.0.0.1` and `[::1]`, else none',
    'browser origins that may call, over HTTP and over the socket; our own and that of `PUBLIC_URL` always may',
  ),
  EGRESS_ALLOW: setting(
    optional(receivers).transform((value) => value ?? []),
    'networks (`10.0.0.0/8`), addresses and host names, the last two also with a port (`hooks.corp:8080`, `[fd00::1]:8080`), comma separated',
    'none',
    'private receivers that webhooks may reach: an address by whatever public name, a name whatever it resolves to; names such as `intranet` or `a.internal` must be written themselves',
  ),
  EGRESS_TIMEOUT_SECONDS: decimal(
    0.1,
    300,
    15,
    "how long one request to a client's URL may take: name, connection, TLS and answer together",
  ),
  EGRESS_CONNECTIONS_PER_HOST: integer(
    1,
    1000,
    4,
    "connections to one host of clients' URLs at a time, and webhooks on their way to it, for each instance; a request waits for one up to twice the time-out, and then still has all of its time",
  ),
  EGRESS_ANSWER_BYTES: integer(0, 1_048_576, 16_384, 'how much of an answer is read; the rest is cut off'),
  WEBHOOK_RETRY_SECONDS: setting(
    optional(
      z
        .string()
        .transform((value) => value.split(',').map((part) => part.trim()))
        .pipe(z.array(decimalIn(0.01, 604_800)).min(1).max(50)),
    ).transform((value) => value ?? [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]),
    'numbers from 0.01 to 604800, comma separated',
    '5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400',
    'how long after each try of a webhook that was not answered 2xx the next one comes, with 20 % of chance either way; then it has failed',
  ),
  WEBHOOK_DISABLE_SECONDS: decimal(
    1,
    31_536_000,
    432_000,
    'an endpoint to which nothing was delivered for so long is disabled',
  ),
  MAX_WEBHOOK_ENDPOINTS: integer(1, 10_000, 20, 'webhook endpoints of an account'),
  MAX_WEBHOOKS_AT_ONCE: integer(1, 10_000, 100, 'webhooks on their way at a time, for each instance'),
  WEBHOOKS_ASKED_PER_MINUTE: integer(
    1,
    100_000_000,
    60,
    '`testWebhookEndpoint` and `redeliverWebhook` of an account, over all instances',
  ),
  LOG_LEVEL: choice(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], 'info', 'how much is logged'),
  MAX_BODY_BYTES: integer(1024, 1_048_576, 65_536, 'the size of a request body, a callback and a socket message'),
  MAX_TOKENS: integer(100, 10_000, 1000, 'tokens in a GraphQL document'),
  MAX_DEPTH: integer(3, 100, 15, 'nesting of fields in an operation'),
  MAX_ALIASES: integer(0, 1000, 30, 'aliases in an operation, fragments counted where they are used'),
  MAX_DIRECTIVES: integer(0, 1000, 30, 'directives in an operation'),
  MAX_FIELD_REPEATS: integer(
    1,
    1000,
    30,
    'occurrences of a field at one path of the response, after expansion of fragments',
  ),
  MAX_COST: integer(
    10,
    10_000_000,
    5000,
    'fields that an operation may answer with: fields of a list are multiplied by `first`, whether a literal, a variable or the default; a field that is read from the database separately counts 10 times, and `__typename` 0. Also limits the selections of a document after expansion of its fragments, of which 1,000 are always allowed',
  ),
  MAX_SUBSCRIPTION_COST: integer(10, 10_000_000, 500, 'the same for each event of a subscription'),
  MAX_EVENT_LOOP_DELAY_MS: integer(
    10,
    60_000,
    500,
    'the mean delay of the event loop over a second above which the gateway sheds load: it refuses operations and handshakes at once with 503 and `Retry-After`, until the delay has stayed below half of the limit for a second',
  ),
  TARGET_EVENT_LOOP_DELAY_MS: integer(
    1,
    60_000,
    1,
    'the delay of the event loop, by its own work, above which fewer operations run at once and others wait, so that callbacks keep their pace',
  ),
  MAX_DATABASE_WAIT_MS: integer(
    10,
    60_000,
    1000,
    'the mean wait for a database connection over a second above which the gateway sheds load in the same way',
  ),
  MAX_OPERATIONS: integer(
    2,
    10_000,
    32,
    'maximum number of operations that run at once in each instance: queries, mutations, REST requests and WebSocket handshakes; others wait',
  ),
  MAX_WAITING_OPERATIONS: integer(
    1,
    100_000,
    500,
    'operations of each kind (submits, reads, handshakes) that wait for their turn, for each instance; more are refused at once with 503 and `Retry-After`',
  ),
  SUBMIT_WAIT_SECONDS: decimal(
    0.1,
    60,
    8,
    'how long a mutation or a REST submit may wait for its turn, at most `OPERATION_TIMEOUT_SECONDS`, and then for a database connection; the time starts when its queue was last empty, and is at least half of this setting',
  ),
  READ_WAIT_SECONDS: decimal(
    0.1,
    60,
    2,
    'the same for queries, REST look-ups and WebSocket handshakes, with at least a quarter of this setting',
  ),
  CALLBACK_WAIT_SECONDS: decimal(
    1,
    300,
    30,
    'how long callbacks and the answers of submits may wait for a database connection, and how long a callback is tried again while the database cannot answer; the last attempt begins within this time. Then the callback is answered 503',
  ),
  MAX_CONNECTIONS: integer(
    10,
    1_000_000,
    20_000,
    'open TCP connections, WebSockets and callbacks among them, for each instance; further ones are closed at once',
  ),
  LISTEN_BACKLOG: integer(
    1,
    65_535,
    4_096,
    'connections that wait to be accepted, for each instance. The kernel may allow fewer (on Linux `net.core.somaxconn`)',
  ),
  OPERATION_TIMEOUT_SECONDS: decimal(
    0.1,
    600,
    10,
    'how long an operation over HTTP may take; then it is answered with `OPERATION_TIMED_OUT`',
  ),
  REQUESTS_PER_MINUTE: integer(
    1,
    100_000_000,
    6000,
    'requests over HTTP with one key, for each instance; without a key, from one address',
  ),
  UNKNOWN_KEYS_PER_MINUTE: integer(
    1,
    100_000_000,
    60,
    'keys that are not known, from one address, for each instance; then only keys that were good before are looked up',
  ),
  REST: switchOf('on', "whether the vendor's own routes, `POST /kling/motion` and `POST /kling/tasks`, are served"),
  REST_HOLD_SECONDS: decimal(
    0.1,
    86_400,
    600,
    'how long a synchronous `POST /kling/motion` is held; then it is answered 504 `timeout`, and the job goes on',
  ),
  REST_JOIN_SECONDS: decimal(
    0.1,
    86_400,
    900,
    'how long a REST request without `Idempotency-Key` that was left unanswered can be joined by the same request',
  ),
  REST_CLOSE_SECONDS: decimal(
    0.01,
    10,
    1,
    'how long the gateway waits for the FIN or the reset by which the connection of a client shows that it has given up a request, or has closed before it read a REST answer; more than a round trip with one retransmission',
  ),
  REST_RESET_SECONDS: decimal(
    0.01,
    60,
    10,
    'how long after a REST answer a reset of its connection means that the client did not read it',
  ),
  REST_DOUBT_SECONDS: decimal(
    0,
    900,
    10,
    'how long the same REST request without `Idempotency-Key` joins one whose answer went to a proxy, which does not show whether the client got it; 0 counts such answers as received',
  ),
  REST_LEASE_SECONDS: decimal(
    1,
    30,
    10,
    'how long an instance may leave it unsaid whether the connection of a REST request is open; then the request counts as unanswered',
  ),
  MAX_HELD_PER_KEY: integer(
    1,
    1_000_000,
    2000,
    'synchronous REST requests with one key that are held at once, for each instance',
  ),
  SUBMITS_PER_MINUTE: integer(
    1,
    100_000_000,
    600,
    '`generateMotion` and `POST /kling/motion` with one key, over all instances; each one in a document counts',
  ),
  SUBMITS_PER_MINUTE_PER_ACCOUNT: integer(1, 100_000_000, 1200, 'the same with all keys of an account together'),
  MAX_SOCKETS_PER_ADDRESS: integer(1, 1_000_000, 500, 'open sockets from one address, for each instance'),
  MAX_SOCKETS_PER_KEY: integer(
    1,
    1_000_000,
    2000,
    'open sockets with one key, its client tokens among them, for each instance',
  ),
  MAX_SUBSCRIPTIONS_PER_KEY: integer(
    1,
    10_000_000,
    10_000,
    'live subscriptions with one key, its client tokens among them, for each instance',
  ),
  SOCKET_MESSAGES_PER_SECOND: integer(
    1,
    1_000_000,
    100,
    'messages from one socket in a second, pings and pongs among them, on average over 10 seconds; one that sends more is closed with 1013',
  ),
  MAX_SUBSCRIPTIONS_PER_SOCKET: integer(1, 10_000, 100, 'live subscriptions on one socket'),
  MAX_BUFFERED_BYTES: integer(
    1024,
    67_108_864,
    1_048_576,
    'what may wait to be sent on one socket; a reader that is further behind is closed with 1013',
  ),
  MAX_UNSENT_SECONDS: decimal(
    0.1,
    600,
    20,
    'how long a message may wait to be sent on a socket; then the reader is closed with 1013',
  ),
  SOCKET_PING_SECONDS: decimal(
    0.1,
    600,
    12,
    'how often a socket is pinged; a peer that has not answered by the next ping is closed with 1013 when something waits to be sent, else cut off',
  ),
  MAX_UNREAD_JOBS: integer(
    1,
    100_000,
    1000,
    'jobs that may wait in memory for one subscriber of `jobsUpdated`; what is beyond is read from the database when it asks',
  ),
  SOCKET_INIT_SECONDS: decimal(0.1, 60, 5, 'how long a socket may wait with `connection_init`'),
  SOCKET_RECHECK_SECONDS: decimal(
    0.1,
    60,
    30,
    'how often it is asked whether the keys and tokens of open sockets are still good; those of others are closed with 4403',
  ),
  SOCKET_STOP_SECONDS: decimal(
    0,
    60,
    2,
    'over how long open sockets are closed at a stop: 250 every 50 ms, more at once where that would take longer',
  ),
  DRAIN_SECONDS: decimal(0.1, 300, 15, 'how long requests and submits under way may take to finish at a stop'),
} satisfies Record<string, Setting<unknown>>;

type Values = { readonly [K in keyof typeof settings]: (typeof settings)[K] extends Setting<infer T> ? T : never };

export interface Config extends Omit<
  Values,
  | 'NODE_ENV'
  | 'ENV_FILE'
  | 'EMBEDDED_DATABASE'
  | 'UPSTREAM'
  | 'UPSTREAM_ID'
  | 'SANDBOX_PORT'
  | 'PLAYGROUND'
  | 'INTROSPECTION'
> {
  readonly UPSTREAM: 'acedata' | 'sandbox';
  readonly UPSTREAM_ID: string;
  readonly SANDBOX_PORT: number;
  readonly PLAYGROUND: boolean;
  readonly INTROSPECTION: boolean;
}

/** All problems with the environment, one line each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  constructor(readonly problems: readonly string[]) {
    super(problems.join('\n'));
  }
}

const isProxyUrl = (text: string): boolean => ['http:', 'https:'].includes(parseUrl(text)?.protocol ?? '');

const nextPort = (port: number): number => (port === 0 ? 0 : port === 65_535 ? port - 1 : port + 1);

/**
 * Returns the problems of settings that are valid individually but contradict each other. A setting that is itself
 * invalid is not reported twice.
 */
function contradictionsIn(read: Values, upstream: string, problems: readonly string[]): string[] {
  const isWrong = (name: keyof Values) => problems.some((problem) => problem.startsWith(`${name}:`));
  const found: string[] = [];
  if (
    !read.DATABASE_URL &&
    !isWrong('DATABASE_URL') &&
    !isWrong('EMBEDDED_DATABASE') &&
    !(read.EMBEDDED_DATABASE ?? read.NODE_ENV !== 'production')
  ) {
    found.push(
      'DATABASE_URL: expected to be set in production, or with `EMBEDDED_DATABASE=off`; write `EMBEDDED_DATABASE=on` for the embedded server, whose data are on this machine only',
    );
  }
  if (read.DATABASE_URL && read.EMBEDDED_DATABASE)
    found.push('EMBEDDED_DATABASE: expected `off` with DATABASE_URL, which names another server');
  if (upstream === 'sandbox' && read.SANDBOX_PORT && read.SANDBOX_PORT === read.PORT)
    found.push('SANDBOX_PORT: expected another port than PORT');
  if (upstream === 'acedata' && read.LISTING_LOOKUP === 'on' && !read.PUBLIC_URL && !isWrong('PUBLIC_URL'))
    found.push('PUBLIC_URL: expected with `LISTING_LOOKUP=on`, which finds tasks by their callback URL');
  return found;
}

/**
 * Reads the settings from `env`. Throws a `ConfigError` that names every invalid variable and what was expected. Values
 * are not repeated, because they may be secrets.
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = [];
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
  const read = values as unknown as Values;
  const production = read.NODE_ENV === 'production';
  const upstream = read.UPSTREAM ?? (read.ACEDATA_API_TOKEN ? 'acedata' : 'sandbox');

  if (
    production &&
    !read.UPSTREAM &&
    !read.ACEDATA_API_TOKEN &&
    !problems.some((problem) => /^(UPSTREAM|ACEDATA_API_TOKEN):/.test(problem))
  ) {
    problems.push('UPSTREAM: in production expected ACEDATA_API_TOKEN to be set, or `UPSTREAM=sandbox` to be written');
  }
  if (upstream === 'acedata' && read.ACEDATA_API_TOKEN === null)
    problems.push('ACEDATA_API_TOKEN: expected with `UPSTREAM=acedata`');
  for (const name of ['HTTPS_PROXY', 'HTTP_PROXY'] as const) {
    if (upstream === 'acedata' && read[name] !== null && !isProxyUrl(read[name]))
      problems.push(`${name}: expected ${settings[name].expected}`);
  }
  if (read.DATABASE_URL) {
    if (read.API_KEY === null)
      problems.push(
        'API_KEY: expected with DATABASE_URL, so that all instances share it: 16 to 255 visible characters',
      );
    if (read.APP_SECRET === null)
      problems.push(
        'APP_SECRET: expected with DATABASE_URL, so that all instances share it: secrets of at least 32 characters, comma separated',
      );
    // Checked as written, because `pg` accepts neither white space nor upper case here.
    if (env.PGSSLMODE && !SSL_MODES.includes(env.PGSSLMODE) && leavesTlsOpen(read.DATABASE_URL)) {
      problems.push(`PGSSLMODE: expected one of ${SSL_MODES.join(', ')}, or sslmode in DATABASE_URL`);
    }
  }
  problems.push(...contradictionsIn(read, upstream, problems));
  if (problems.length > 0) throw new ConfigError([...new Set(problems)]);

  return {
    ...read,
    UPSTREAM: upstream,
    UPSTREAM_ID: read.UPSTREAM_ID ?? upstream,
    SANDBOX_PORT: read.SANDBOX_PORT ?? nextPort(read.PORT),
    PLAYGROUND: read.PLAYGROUND ?? !production,
    INTROSPECTION: read.INTROSPECTION ?? !production,
  };
}
