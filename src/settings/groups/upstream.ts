/** Settings of the upstream API: how it is reached, how fast jobs are submitted, and how results are found. */
import { z } from 'zod';
import { always, byReachability, choice, decimal, integer, nullable, setting, toggle } from '../setting.ts';
import { baseUrl, integerIn, visible } from '../values.ts';

const proxy = (meaning: string) =>
  nullable({ schema: z.string(), expected: 'the http(s) URL of a proxy', default: 'none', meaning });

const nextPort = (port: number): number => (port === 0 ? 0 : port === 65_535 ? port - 1 : port + 1);

export const upstreamSettings = {
  UPSTREAM: choice({
    values: ['acedata', 'sandbox'],
    expected: '`acedata` or `sandbox`',
    default: { text: '`acedata` with a token, otherwise `sandbox`', derive: ({ upstream }) => upstream },
    meaning: 'The API that generates videos. In production without a token, it must be set explicitly',
  }),
  UPSTREAM_ID: setting({
    schema: z.string().regex(/^[a-z0-9_.-]{1,64}$/),
    expected: '1 to 64 of `a-z0-9_.-`',
    default: { text: 'the value of `UPSTREAM`', derive: ({ upstream }) => upstream },
    meaning:
      'Name of the upstream account, recorded with each job. Change it when the account changes, not when only its token changes',
  }),
  ACEDATA_API_TOKEN: nullable({
    schema: visible(1),
    expected: 'up to 255 visible characters',
    default: 'none',
    meaning: 'Token of the upstream account',
  }),
  ACEDATA_BASE_URL: setting({
    schema: baseUrl,
    expected: 'an http(s) URL',
    default: always('https://api.acedata.cloud'),
    meaning: 'Base URL of the upstream API',
  }),
  HTTPS_PROXY: proxy(
    'Proxy for an `https://` upstream; `https_proxy` takes precedence. Webhooks and the sandbox never use a proxy',
  ),
  HTTP_PROXY: proxy(
    'Proxy for an `http://` upstream, and for an `https://` upstream if `HTTPS_PROXY` is not set; `http_proxy` takes precedence',
  ),
  NO_PROXY: nullable({
    schema: z.string(),
    expected: 'host names, comma separated',
    default: 'none',
    meaning: 'Hosts that are reached without a proxy; `no_proxy` takes precedence',
  }),
  UPSTREAM_MAX_IN_FLIGHT: integer({
    min: 1,
    max: 1000,
    default: 5,
    meaning: 'Maximum number of tasks in progress at the upstream, across all instances',
  }),
  UPSTREAM_SUBMITS_PER_SECOND: decimal({
    min: 0.01,
    max: 1000,
    default: 1,
    meaning: 'Rate limit for submits to the upstream, across all instances',
  }),
  UNCONFIRMED_SLOT_SECONDS: integer({
    min: 1,
    max: 86_400,
    default: 330,
    meaning: 'Time for which a job whose submit has an unknown outcome counts as in flight',
  }),
  SUBMIT_TIMEOUT_SECONDS: decimal({
    min: 0.1,
    max: 900,
    default: byReachability(30, 330),
    meaning: 'Time limit for a submit. After it, the outcome of the submit is unknown',
  }),
  POLL_FIRST_SECONDS: decimal({
    min: 0.05,
    max: 3600,
    default: byReachability(180, 10),
    meaning: 'Time from the submit to the first poll of a job without a callback',
  }),
  POLL_INTERVAL_SECONDS: decimal({
    min: 0.05,
    max: 3600,
    default: byReachability(60, 10),
    meaning: 'Interval of the following polls during the first 15 minutes',
  }),
  JOB_DEADLINE_SECONDS: decimal({
    min: 0.1,
    max: 86_400,
    default: 1200,
    meaning: 'Time from the submit after which a job without a result fails with `TIMED_OUT`',
  }),
  QUEUE_DEADLINE_SECONDS: decimal({
    min: 0.1,
    max: 604_800,
    default: 86_400,
    meaning: 'Time from the acceptance after which a job that was not submitted fails with `QUEUE_EXPIRED`',
  }),
  LISTING_LOOKUP: toggle({
    default: 'off',
    meaning:
      "Whether the gateway searches the upstream's list of tasks for the task of a submit that was never answered. The vendor does not document that list. Requires `PUBLIC_URL`",
  }),
  CALLBACK_CONFIRM: choice({
    values: ['odd', 'always'],
    default: 'odd',
    meaning:
      'Which callbacks a look-up must confirm before they take effect: `odd`, those that do not match what the gateway knows; `always`, all',
  }),
  CALLBACK_WAIT_SECONDS: decimal({
    min: 1,
    max: 300,
    default: 30,
    meaning:
      'Maximum time for which callbacks and submit answers wait for a database connection, and for which the gateway retries a callback while the database is unavailable. The last attempt begins within this time; if it fails, the callback is answered 503',
  }),
  SANDBOX_SECONDS: decimal({ min: 0.01, max: 3600, default: 6, meaning: 'Duration of a task of the sandbox' }),
  SANDBOX_PORT: setting({
    schema: integerIn(0, 65_535),
    expected: 'an integer from 0 to 65535',
    default: { text: 'the port after `PORT`', derive: ({ port }) => nextPort(port) },
    meaning: 'Port on which the sandbox listens, on loopback only',
  }),
};
