import { describe, expect, test } from 'vitest';
import { loadConfig, type ConfigError } from '../src/config.ts';
import { settings } from '../src/settings/table.ts';

const problemsOf = (env: Record<string, string>): readonly string[] => {
  try {
    loadConfig(env);
    return [];
  } catch (error) {
    return (error as ConfigError).problems;
  }
};

describe('settings', () => {
  test('accept a proxy under its conventional names, and require a valid URL where the proxy is used', () => {
    const env = { ACEDATA_API_TOKEN: 'token' };
    expect(
      loadConfig({
        ...env,
        HTTPS_PROXY: 'http://a.com:3128',
        http_proxy: 'http://b.com',
        HTTP_PROXY: 'http://c.com',
        NO_PROXY: '',
      }),
    ).toMatchObject({ HTTPS_PROXY: 'http://a.com:3128', HTTP_PROXY: 'http://b.com', NO_PROXY: null });
    expect(
      loadConfig({ ...env, https_proxy: '', HTTPS_PROXY: 'http://a.com:3128', no_proxy: ' ', NO_PROXY: 'b.com' }),
    ).toMatchObject({ HTTPS_PROXY: 'http://a.com:3128', NO_PROXY: 'b.com' });
    expect(() => loadConfig({ ...env, https_proxy: 'socks5://a.com', HTTP_PROXY: 'a.com:80' })).toThrow(
      'HTTPS_PROXY: expected the http(s) URL of a proxy\nHTTP_PROXY: expected the http(s) URL of a proxy',
    );
    expect(loadConfig({ HTTPS_PROXY: 'a.com:80' })).toMatchObject({ UPSTREAM: 'sandbox' });
  });

  test('default to a local sandbox without an external database', () => {
    expect(loadConfig({})).toMatchObject({
      HOST: '127.0.0.1',
      PORT: 4000,
      SANDBOX_PORT: 4001,
      UPSTREAM: 'sandbox',
      UPSTREAM_ID: 'sandbox',
      DATABASE_URL: null,
      PUBLIC_URL: null,
      PLAYGROUND: true,
      INTROSPECTION: true,
      UPSTREAM_MAX_IN_FLIGHT: 5,
    });
  });

  test('have the default numbers of the design', () => {
    expect(loadConfig({})).toMatchObject({
      UPSTREAM_SUBMITS_PER_SECOND: 1,
      UNCONFIRMED_SLOT_SECONDS: 330,
      JOB_DEADLINE_SECONDS: 1_200,
      QUEUE_DEADLINE_SECONDS: 86_400,
      MAX_BODY_BYTES: 65_536,
      MAX_BUFFERED_BYTES: 1_048_576,
      MAX_UNSENT_SECONDS: 20,
      SOCKET_PING_SECONDS: 12,
      SOCKET_RECHECK_SECONDS: 30,
    });
  });

  test('that are blank count as not set', () => {
    expect(loadConfig(Object.fromEntries(Object.keys(settings).map((name) => [name, ''])))).toEqual(loadConfig({}));
  });

  test('with an API token select the paid upstream, which requires one', () => {
    expect(loadConfig({ ACEDATA_API_TOKEN: 'token' })).toMatchObject({ UPSTREAM: 'acedata', UPSTREAM_ID: 'acedata' });
    expect(loadConfig({ ACEDATA_API_TOKEN: 'token', UPSTREAM: 'sandbox' })).toMatchObject({ UPSTREAM: 'sandbox' });
    expect(problemsOf({ UPSTREAM: 'acedata' })).toEqual(['ACEDATA_API_TOKEN: required with `UPSTREAM=acedata`']);
  });

  test('in production disable playground and introspection by default, and require an upstream and a database', () => {
    const named = { NODE_ENV: 'production', UPSTREAM: 'sandbox', EMBEDDED_DATABASE: 'on' };
    expect(loadConfig(named)).toMatchObject({ PLAYGROUND: false, INTROSPECTION: false });
    expect(loadConfig({ ...named, NODE_ENV: 'Production', PLAYGROUND: 'on' })).toMatchObject({
      PLAYGROUND: true,
      INTROSPECTION: false,
    });
    expect(problemsOf({ NODE_ENV: 'production' })).toEqual([
      expect.stringMatching(/^UPSTREAM: in production, set/),
      expect.stringMatching(/^DATABASE_URL: required in production/),
    ]);
  });

  test.each([
    [
      'the embedded database in production only when it is asked for',
      { NODE_ENV: 'production', UPSTREAM: 'sandbox' },
      'DATABASE_URL',
    ],
    ['no database at all', { EMBEDDED_DATABASE: 'off' }, 'DATABASE_URL'],
    [
      'two databases',
      { EMBEDDED_DATABASE: 'on', DATABASE_URL: 'postgres://a/b', API_KEY: 'k'.repeat(16), APP_SECRET: 's'.repeat(32) },
      'EMBEDDED_DATABASE',
    ],
    ['two listeners on one port', { PORT: '5000', SANDBOX_PORT: '5000' }, 'SANDBOX_PORT'],
    ['listings without a callback URL to find', { ACEDATA_API_TOKEN: 'token', LISTING_LOOKUP: 'on' }, 'PUBLIC_URL'],
  ])('that contradict each other are rejected: %s', (_what, env, name) => {
    expect(problemsOf(env)).toEqual([expect.stringMatching(new RegExp(`^${name}: (expected|required|must differ) `))]);
  });

  test('put the sandbox on the preceding port if the gateway uses the last one', () => {
    expect(loadConfig({ PORT: '65535' }).SANDBOX_PORT).toBe(65_534);
  });

  test.each<[string, string, unknown]>([
    ['PORT', ' 5000 ', 5000],
    ['HOST', '[::1]', '::1'],
    ['HOST', 'gateway.example.com', 'gateway.example.com'],
    [
      'TRUST_PROXY',
      '10.0.0.0/8 , ::1,loopback,172.16.0.0/255.240.0.0,',
      '10.0.0.0/8,::1,loopback,172.16.0.0/255.240.0.0',
    ],
    ['PUBLIC_URL', 'https://host.example.com/motion/', 'https://host.example.com/motion'],
    ['PUBLIC_URL', 'http://[::1]:4000', 'http://[::1]:4000'],
    ['PUBLIC_URL', 'https:///host.example.com', 'https://host.example.com'],
    ['PUBLIC_URL', 'https://host.example.com/a b/', 'https://host.example.com/a%20b'],
    ['PUBLIC_URL', 'https://host.example.com\\motion\\', 'https://host.example.com/motion'],
    ['PUBLIC_URL', 'HTTPS://Host.Example.com:443//', 'https://host.example.com'],
    ['ACEDATA_BASE_URL', 'https:///host.example.com/v1/', 'https://host.example.com/v1'],
    [
      'ALLOWED_HOSTS',
      'App.example.com,::1,*.example.com,app.example.com',
      ['app.example.com', '[::1]', '*.example.com'],
    ],
    ['REGISTRATION_DOMAINS', 'Example.com, example.com', ['example.com']],
    ['WEBHOOK_RETRY_SECONDS', '1, 1, .5', [1, 1, 0.5]],
    ['PLAYGROUND', 'No', false],
    ['REST', 'TRUE', 'on'],
    ['LOG_LEVEL', 'WARN', 'warn'],
  ])('%s=%s is accepted', (name, value, meant) => {
    expect(loadConfig({ [name]: value })).toMatchObject({ [name]: meant });
  });

  test.each([
    'postgresql://user@/db?host=/run/postgresql',
    'postgres://u:p%23%40@h:6543/db?sslmode=no-verify',
    'postgres:///db',
  ])('DATABASE_URL=%s is accepted', (url) => {
    expect(problemsOf({ DATABASE_URL: url, API_KEY: 'k'.repeat(16), APP_SECRET: 's'.repeat(32) })).toEqual([]);
  });

  describe('PGSSLMODE', () => {
    const env = { DATABASE_URL: 'postgres://h/b', API_KEY: 'k'.repeat(16), APP_SECRET: 's'.repeat(32) };
    test.each(['verify_full', 'REQUIRE', 'allow', 'on', ' require', ' '])(
      '%j, which would disable TLS, is rejected',
      (value) => {
        const problem =
          'PGSSLMODE: expected one of disable, prefer, require, verify-ca, verify-full, no-verify, or sslmode in DATABASE_URL';
        expect(problemsOf({ ...env, PGSSLMODE: value })).toEqual([problem]);
      },
    );
    test.each(['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify', ''])(
      '%j is accepted',
      (value) => {
        expect(problemsOf({ ...env, PGSSLMODE: value })).toEqual([]);
      },
    );
    test.each(['sslmode=verify-full', 'ssl=true', 'sslnegotiation=direct'])(
      'is ignored if DATABASE_URL contains %s',
      (parameter) => {
        expect(problemsOf({ ...env, DATABASE_URL: `postgres://h/b?${parameter}`, PGSSLMODE: 'allow' })).toEqual([]);
      },
    );
    test('is ignored for the embedded server', () => {
      expect(problemsOf({ PGSSLMODE: 'allow' })).toEqual([]);
    });
  });

  test('with a DATABASE_URL require a key and a secret that all instances share', () => {
    expect(problemsOf({ DATABASE_URL: 'postgres://a/b' })).toEqual([
      expect.stringMatching(/^API_KEY: required/),
      expect.stringMatching(/^APP_SECRET: required/),
    ]);
    expect(
      problemsOf({
        DATABASE_URL: 'postgres://a/b',
        API_KEY: 'k'.repeat(16),
        APP_SECRET: `${'a'.repeat(32)}, ${'b'.repeat(32)}`,
      }),
    ).toEqual([]);
    // An existing secret with spaces is still accepted: replacing it would invalidate sealed secrets and callback URLs.
    expect(
      problemsOf({
        DATABASE_URL: 'postgres://a/b',
        API_KEY: 'k'.repeat(16),
        APP_SECRET: 'a secret of several words that is long enough',
      }),
    ).toEqual([]);
  });

  test('keep jobs and timelines indefinitely, raw callbacks and the keys of deleted jobs for 30 days, and nothing for less than 7', () => {
    expect(loadConfig({})).toMatchObject({
      KEEP_JOBS_DAYS: null,
      KEEP_TIMELINES_DAYS: null,
      KEEP_CALLBACKS_DAYS: 30,
      KEEP_SPENT_KEYS_DAYS: 30,
    });
    const least = { KEEP_JOBS_DAYS: 7, KEEP_TIMELINES_DAYS: 7, KEEP_CALLBACKS_DAYS: 7, KEEP_SPENT_KEYS_DAYS: 7 };
    expect(loadConfig(Object.fromEntries(Object.keys(least).map((name) => [name, '7'])))).toMatchObject(least);
  });

  test('accept receivers in a private network as networks, addresses and names, with or without a port', () => {
    expect(loadConfig({}).EGRESS_ALLOW).toEqual([]);
    expect(
      loadConfig({
        EGRESS_ALLOW:
          '10.0.0.0/8, fd00::/8,10.1.2.3 ,10.1.2.3:8080,fd00::1,[fd00::1],[fd00::1]:8080,Hooks.corp,intranet:80,a_b.internal.,',
      }).EGRESS_ALLOW,
    ).toEqual([
      { kind: 'network', address: '10.0.0.0', prefix: 8, port: null },
      { kind: 'network', address: 'fd00::', prefix: 8, port: null },
      { kind: 'network', address: '10.1.2.3', prefix: 32, port: null },
      { kind: 'network', address: '10.1.2.3', prefix: 32, port: 8080 },
      { kind: 'network', address: 'fd00::1', prefix: 128, port: null },
      { kind: 'network', address: 'fd00::1', prefix: 128, port: null },
      { kind: 'network', address: 'fd00::1', prefix: 128, port: 8080 },
      { kind: 'name', name: 'hooks.corp', port: null },
      { kind: 'name', name: 'intranet', port: 80 },
      { kind: 'name', name: 'a_b.internal', port: null },
    ]);
  });

  test.each([
    ['NODE_ENV', ['prod', 'PROD', 'production1']],
    ['HOST', ['0.0.0.0:4000', 'http://a', '*', 'a b', '999.1.1.1']],
    [
      'TRUST_PROXY',
      [
        'nope',
        'true',
        '1',
        '*',
        ',',
        '10.0.0.0/33',
        '10.0.0.0/0',
        '10.0.0.1 10.0.0.2',
        'fe80::1%eth0',
        '10.0.0.1,nope',
        'https://10.0.0.1',
      ],
    ],
    ['PORT', ['-1', '65536', '1.5', 'http', '0x', '0x10', '1e3', '+80', 'Infinity', '4 000', '4_000']],
    ['UPSTREAM_MAX_IN_FLIGHT', ['0', '1001', 'five']],
    ['UPSTREAM_SUBMITS_PER_SECOND', ['0', 'NaN', 'Infinity', '1e1', '0x1', '1,5', '1.']],
    [
      'PUBLIC_URL',
      [
        'gateway',
        'ftp://a',
        '//a',
        'https://host/?x=1',
        'https://host/#a',
        'https://host?',
        'https://host#',
        'https://u:p@host',
        'https:host',
        'https://*.host',
        'https://a b',
        'https://',
      ],
    ],
    ['ACEDATA_BASE_URL', ['https://host/?x=1', 'https://host/#a', 'https://u@host', 'api.acedata.cloud']],
    [
      'DATABASE_URL',
      [
        'mysql://a/b',
        'a',
        'postgres://u:p#w@h/b',
        'postgres://u:12?3@h/b',
        'postgres://u:p/w@h/b',
        'postgres://u:p%w@h/b',
        'postgres://u:p w@h/b',
        'postgres://h:port/b',
        'postgres://h/b?port=x',
        'postgres://h/b?sslmode=on',
        'postgres://h/b?sslmode=verify-full&sslrootcert=/no/such/file',
      ],
    ],
    ['APP_SECRET', ['short', `${'a'.repeat(32)},short`, 'a'.repeat(31), ',', 'at-least-32-characters-of-randomness']],
    ['API_KEY', ['short', 'with blanks in between', 'at-least-16-visible-characters']],
    ['ACEDATA_API_TOKEN', ['Bearer token', 'a b']],
    [
      'REGISTRATION_DOMAINS',
      ['@example.com', '.example.com', 'corp', '-', 'a..b', '*.example.com', ',', 'https://example.com', '127.0.0.1'],
    ],
    ['ALLOWED_HOSTS', ['example.com:443', 'https://example.com', '*', '*.*.com', ':::', 'a,b c', ',']],
    ['WEBHOOK_RETRY_SECONDS', ['1,,2', '1e3', '5,0x10', ',', '0', 'soon']],
    ['PLAYGROUND', ['maybe', '2', 'onn']],
    ['LISTING_LOOKUP', ['maybe']],
    ['REST', ['rest']],
    ['EMBEDDED_DATABASE', ['maybe']],
    ['CALLBACK_CONFIRM', ['never']],
    ['UPSTREAM_ID', ['With Blanks']],
    [
      'EGRESS_ALLOW',
      [
        '10.0.0.0/33',
        'fd00::/129',
        '172.16.0.0/',
        '/8',
        '10.0/8',
        'corp/8',
        '10.1.2.3/8:80',
        '10.1',
        '0x7f000001',
        '2130706433',
        '127.0.0.1.5',
        '::ffff:10.0.0.1',
        '::ffff:0:0/96',
        'fe80::1%eth0',
        '[10.0.0.1]',
        '[fd00::2',
        'fd00::2]:80',
        'hooks.corp:0',
        'hooks.corp:65536',
        'hooks.corp:http',
        'http://hooks.corp',
        'user@hooks.corp',
        '*.corp',
        '.corp',
        'a..corp',
        'münchen.de',
        '10.0.0.0/8 10.0.0.1',
        '10.0.0.1,b/c',
      ],
    ],
    ['EGRESS_CONNECTIONS_PER_HOST', ['0', '1001', '1.5']],
    ['EGRESS_TIMEOUT_SECONDS', ['0', '301']],
    ['EGRESS_ANSWER_BYTES', ['-1', '1048577']],
    ...['KEEP_JOBS_DAYS', 'KEEP_TIMELINES_DAYS', 'KEEP_CALLBACKS_DAYS', 'KEEP_SPENT_KEYS_DAYS'].map(
      (name): [string, string[]] => [name, ['0', '6', '7.5', '36501', '-30', 'for ever']],
    ),
  ])('%s is rejected if its value is invalid, without repeating the value', (name, values) => {
    for (const value of values) {
      const [problem, ...rest] = problemsOf({ [name]: value }).filter((line) => line.startsWith(`${name}:`));
      expect(problem, value).toMatch(new RegExp(`^${name}: (expected|required|must differ) `));
      expect(rest).toEqual([]);
      if (value.length > 5) expect(problem).not.toContain(value);
    }
  });
});
