/** Settings of keys and accounts. */
import { z } from 'zod';
import { choice, integer, nullable, setting } from '../setting.ts';
import { domainNames, keyText, list, secret } from '../values.ts';

export const accountSettings = {
  API_KEY: nullable({
    schema: keyText(16),
    expected: '16 to 255 visible characters, other than the example',
    default: 'generated into `DATA_DIR` at the first start; required with `DATABASE_URL`',
    meaning: 'API key of the administrators. Clients use the keys of their accounts',
  }),
  APP_SECRET: nullable({
    schema: list.pipe(z.array(secret(32)).min(1)),
    expected: 'secrets of at least 32 characters, comma separated, other than the example',
    default: 'generated into `DATA_DIR` at the first start; required with `DATABASE_URL`',
    meaning:
      'Signs callback URLs and client tokens, and encrypts webhook secrets. The first secret signs and encrypts; all of them verify and decrypt',
  }),
  REGISTRATION: choice({
    values: ['open', 'closed'],
    expected: '`open` or `closed`',
    default: {
      text: '`open` with the sandbox on a loopback host, otherwise `closed`',
      derive: ({ isOpenSandbox }) => (isOpenSandbox ? 'open' : 'closed'),
    },
    meaning: 'Whether clients without a key may apply for one by `acquireAccess`',
  }),
  FREE_QUOTA: integer({
    min: 0,
    max: 1_000_000,
    default: 10,
    meaning:
      'Jobs granted to a new applicant. With the sandbox on a loopback host, every first application receives them; elsewhere, only applicants of `REGISTRATION_DOMAINS`',
  }),
  REGISTRATION_DOMAINS: setting<readonly string[]>({
    schema: domainNames,
    expected: 'domain names such as `example.com`, comma separated',
    default: { text: 'none', derive: () => [] },
    meaning:
      'E-mail domains whose applicants receive `FREE_QUOTA` without approval. Ownership of the address is not verified',
  }),
  FREE_QUOTA_PER_DAY: integer({
    min: 0,
    max: 1_000_000_000,
    default: 100,
    meaning:
      'Jobs granted per day to all applicants of `REGISTRATION_DOMAINS` together. Later applicants wait for approval',
  }),
  REGISTRATIONS_PER_HOUR: integer({
    min: 1,
    max: 1_000_000,
    default: 20,
    meaning: 'Applications per hour from one address, across all instances',
  }),
  MAX_KEYS_PER_ACCOUNT: integer({
    min: 1,
    max: 10_000,
    default: 50,
    meaning: 'Maximum number of active keys of an account',
  }),
};
