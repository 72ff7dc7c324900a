import { expect, test } from 'vitest';
import { settings } from '../../src/settings/table.ts';
import { findResembling } from '../../src/settings/resembling-names.ts';

const meantBy = (written: string) => findResembling({ [written]: 'x' }, Object.keys(settings))[0]?.meant;

test.each([
  ['CORS_ORIGIN', 'CORS_ORIGINS'],
  ['CORS_ALLOWED_ORIGINS', 'CORS_ORIGINS'],
  ['cors_origins', 'CORS_ORIGINS'],
  ['DATABASE_URI', 'DATABASE_URL'],
  ['PUBLIC_URI', 'PUBLIC_URL'],
  ['TRUSTED_PROXY', 'TRUST_PROXY'],
  ['ACEDATA_TOKEN', 'ACEDATA_API_TOKEN'],
  ['APP_SECRETS', 'APP_SECRET'],
  ['APIKEY', 'API_KEY'],
  ['HOSTS', 'HOST'],
  ['LOGLEVEL', 'LOG_LEVEL'],
  ['MAX_BODY_BYTE', 'MAX_BODY_BYTES'],
])('%s resembles %s', (written, meant) => {
  expect(meantBy(written)).toBe(meant);
});

test.each([
  'PATH',
  'HOME',
  'USER',
  'SHELL',
  'TERM',
  'LANG',
  'PWD',
  'SHLVL',
  'HOSTNAME',
  'EDITOR',
  'LOGNAME',
  'DISPLAY',
  'TMPDIR',
  'CI',
  'PGHOST',
  'PGPORT',
  'npm_config_port',
  'OPENAI_API_KEY',
  'HTTPS_PROXY',
  'NODE_OPTIONS',
  'VITEST_POOL_ID',
  'COLORTERM',
  'MAIL',
  'OLDPWD',
  'DEBUG',
])('%s does not resemble any setting', (written) => expect(meantBy(written)).toBeUndefined());

test('settings themselves are not reported as misspelled', () => {
  expect(
    findResembling(Object.fromEntries(Object.keys(settings).map((name) => [name, 'x'])), Object.keys(settings)),
  ).toEqual([]);
});
