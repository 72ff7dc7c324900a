/** Settings of the process and of the addresses by which it is reached. */
import { z } from 'zod';
import { always, choice, decimal, integer, nullable, setting } from '../setting.ts';
import { baseUrl, listenHost, proxies } from '../values.ts';

export const processSettings = {
  NODE_ENV: nullable({
    schema: z
      .string()
      .toLowerCase()
      .refine((value) => value === 'production' || !value.startsWith('prod')),
    expected: '`production`, `development` or another name that does not begin with `prod`',
    default: 'none',
    meaning:
      'In `production`, the playground and introspection are off by default, and the upstream and the database must be set explicitly',
  }),
  ENV_FILE: setting({
    schema: z.string(),
    expected: 'a file, or `off`',
    default: { text: '.env in the working directory, if it exists', derive: () => '.env' },
    meaning:
      'File with settings, one `NAME=value` per line, read at startup. Environment variables take precedence over it. This setting is not read from the file itself',
  }),
  HOST: setting({
    schema: listenHost,
    expected: 'a host name or address without a port',
    default: always('127.0.0.1'),
    meaning: 'Address on which the gateway listens. `localhost` stands for one address, IPv4 if there is one',
  }),
  PORT: integer({
    min: 0,
    max: 65_535,
    default: 4000,
    meaning: 'Port on which the gateway listens. 0 selects any free port',
  }),
  TRUST_PROXY: nullable({
    schema: proxies,
    expected: 'addresses or networks, comma separated',
    default: 'none',
    meaning:
      'Proxies whose `X-Forwarded-*` headers are trusted: `10.0.0.1`, `10.0.0.0/8`, `loopback`, `linklocal`, `uniquelocal`',
  }),
  PUBLIC_URL: nullable({
    schema: baseUrl,
    expected: 'an http(s) URL',
    default: 'with the sandbox, the loopback address of the gateway; otherwise none',
    meaning: 'URL by which the upstream reaches the gateway. Without it, results are found by polling only',
  }),
  LOG_LEVEL: choice({
    values: ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'],
    default: 'info',
    meaning: 'Lowest level that is logged',
  }),
  DRAIN_SECONDS: decimal({
    min: 0.1,
    max: 300,
    default: 15,
    meaning: 'Time that requests and submits in progress have to finish when the gateway stops',
  }),
};
