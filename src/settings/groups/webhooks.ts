/** Settings of webhooks and of all other requests to URLs of clients. */
import { z } from 'zod';
import { receivers } from '../receivers.ts';
import { decimal, integer, setting } from '../setting.ts';
import { decimalIn } from '../values.ts';

const RETRY_SECONDS = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];

export const webhookSettings = {
  EGRESS_ALLOW: setting<z.output<typeof receivers>>({
    schema: receivers,
    expected:
      'networks (`10.0.0.0/8`), addresses and host names, the last two also with a port (`hooks.corp:8080`, `[fd00::1]:8080`), comma separated',
    default: { text: 'none', derive: () => [] },
    meaning:
      'Private receivers that webhooks may reach. An address is allowed whichever public name resolves to it; a name is allowed whatever it resolves to. Names without a public suffix, such as `intranet` or `a.internal`, must be listed by name',
  }),
  EGRESS_TIMEOUT_SECONDS: decimal({
    min: 0.1,
    max: 300,
    default: 15,
    meaning: 'Time limit for one request to a URL of a client: DNS, connection, TLS and answer together',
  }),
  EGRESS_CONNECTIONS_PER_HOST: integer({
    min: 1,
    max: 1000,
    default: 4,
    meaning:
      'Maximum number of simultaneous connections to one host of client URLs, and of webhooks in progress to it, in each instance. A request waits up to twice `EGRESS_TIMEOUT_SECONDS` for a connection; the wait does not reduce its own time limit',
  }),
  EGRESS_ANSWER_BYTES: integer({
    min: 0,
    max: 1_048_576,
    default: 16_384,
    meaning: 'Maximum number of bytes read of an answer; the rest is cut off',
  }),
  WEBHOOK_RETRY_SECONDS: setting<readonly number[]>({
    schema: z
      .string()
      .transform((value) => value.split(',').map((part) => part.trim()))
      .pipe(z.array(decimalIn(0.01, 604_800)).min(1).max(50)),
    expected: 'numbers from 0.01 to 604800, comma separated',
    default: { text: RETRY_SECONDS.join(', '), derive: () => RETRY_SECONDS },
    meaning:
      'Delays between the attempts of a webhook that is not answered 2xx, each varied by up to 20 % in either direction. After the last attempt, the webhook has failed',
  }),
  WEBHOOK_DISABLE_SECONDS: decimal({
    min: 1,
    max: 31_536_000,
    default: 432_000,
    meaning: 'Time without a successful delivery after which an endpoint is disabled',
  }),
  MAX_WEBHOOK_ENDPOINTS: integer({
    min: 1,
    max: 10_000,
    default: 20,
    meaning: 'Maximum number of webhook endpoints of an account',
  }),
  MAX_WEBHOOKS_AT_ONCE: integer({
    min: 1,
    max: 10_000,
    default: 100,
    meaning: 'Maximum number of webhooks in progress at a time, in each instance',
  }),
  WEBHOOKS_ASKED_PER_MINUTE: integer({
    min: 1,
    max: 100_000_000,
    default: 60,
    meaning:
      'Calls of `testWebhookEndpoint` and `redeliverWebhook` that an account may make per minute, across all instances',
  }),
};
