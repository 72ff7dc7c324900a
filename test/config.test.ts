import { describe, expect, test } from 'vitest';
import { loadConfig, settings, type ConfigError } from '../src/config.ts';

const problemsOf = (env: Record<string, string>): readonly string[] => {
  try {
    loadConfig(env);
    return [];
  } catch (error) {
    return (error as ConfigError).problems;
  }
};

describe('settings', () => {
  test('a proxy is taken from the names that programs agree on, and must be one where it is used', () => {
    const env = { ACEDATA_API_TOKEN: 'token' };
    expect(loadConfig({ ...env, HTTPS_PROXY: 'http://a.com:3128', http_proxy: 'http://b.com', HTTP_PROXY: 'http://c.com', NO_PROXY: '' })).toMatchObject({ HTTPS_PROXY: 'http://a.com:3128', HTTP_PROXY: 'http://b.com', NO_PROXY: null });
    expect(() => loadConfig({ ...env, https_proxy: 'socks5://a.com', HTTP_PROXY: 'a.com:80' })).toThrow('HTTPS_PROXY: expected the http(s) URL of a proxy\nHTTP_PROXY: expected the http(s) URL of a proxy');
    expect(loadConfig({ HTTPS_PROXY: 'a.com:80' })).toMatchObject({ UPSTREAM: 'sandbox' });
  });

  test('without any, describe a newcomer', () => {
    expect(loadConfig({})).toMatchObject({ HOST: '127.0.0.1', PORT: 4000, SANDBOX_PORT: 4001, UPSTREAM: 'sandbox', UPSTREAM_ID: 'sandbox', DATABASE_URL: null, PUBLIC_URL: null, PLAYGROUND: true, INTROSPECTION: true, UPSTREAM_MAX_IN_FLIGHT: 5 });
  });

  test('have the numbers of the design where nothing else is said', () => {
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

  test('blank ones count as not set', () => {
    expect(loadConfig(Object.fromEntries(Object.keys(settings).map((name) => [name, ''])))).toEqual(loadConfig({}));
  });

  test('a token chooses the paid upstream', () => {
    expect(loadConfig({ ACEDATA_API_TOKEN: 'token' })).toMatchObject({ UPSTREAM: 'acedata', UPSTREAM_ID: 'acedata' });
    expect(loadConfig({ ACEDATA_API_TOKEN: 'token', UPSTREAM: 'sandbox' })).toMatchObject({ UPSTREAM: 'sandbox' });
    expect(problemsOf({ UPSTREAM: 'acedata' })).toEqual(['ACEDATA_API_TOKEN: expected with `UPSTREAM=acedata`']);
  });

  test('production opens nothing by itself, and wants the upstream said', () => {
    expect(loadConfig({ NODE_ENV: 'production', UPSTREAM: 'sandbox' })).toMatchObject({ PLAYGROUND: false, INTROSPECTION: false });
    expect(loadConfig({ NODE_ENV: 'production', UPSTREAM: 'sandbox', PLAYGROUND: 'on' })).toMatchObject({ PLAYGROUND: true, INTROSPECTION: false });
    expect(problemsOf({ NODE_ENV: 'production' })).toHaveLength(1);
  });

  test('a database of its own wants a key and a secret that all instances share', () => {
    expect(problemsOf({ DATABASE_URL: 'postgres://a/b' })).toEqual([expect.stringMatching(/^API_KEY: expected/), expect.stringMatching(/^APP_SECRET: expected/)]);
    expect(problemsOf({ DATABASE_URL: 'postgres://a/b', API_KEY: 'k'.repeat(16), APP_SECRET: `${'a'.repeat(32)}, ${'b'.repeat(32)}` })).toEqual([]);
  });

  test('keep jobs and timelines for ever, raw callbacks and spent keys for 30 days, and nothing for less than 7', () => {
    expect(loadConfig({})).toMatchObject({ KEEP_JOBS_DAYS: null, KEEP_TIMELINES_DAYS: null, KEEP_CALLBACKS_DAYS: 30, KEEP_SPENT_KEYS_DAYS: 30 });
    const least = { KEEP_JOBS_DAYS: 7, KEEP_TIMELINES_DAYS: 7, KEEP_CALLBACKS_DAYS: 7, KEEP_SPENT_KEYS_DAYS: 7 };
    expect(loadConfig(Object.fromEntries(Object.keys(least).map((name) => [name, '7'])))).toMatchObject(least);
  });

  test('receivers in a private network are networks, addresses and names, with or without a port', () => {
    expect(loadConfig({}).EGRESS_ALLOW).toEqual([]);
    expect(loadConfig({ EGRESS_ALLOW: '10.0.0.0/8, fd00::/8,10.1.2.3 ,10.1.2.3:8080,fd00::1,[fd00::1],[fd00::1]:8080,Hooks.corp,intranet:80,a_b.internal.,' }).EGRESS_ALLOW).toEqual([
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
    ['PORT', ['-1', '65536', '1.5', 'http', '0x']],
    ['UPSTREAM_MAX_IN_FLIGHT', ['0', '1001', 'five']],
    ['UPSTREAM_SUBMITS_PER_SECOND', ['0', 'NaN', 'Infinity']],
    ['PUBLIC_URL', ['gateway', 'ftp://a', '//a']],
    ['DATABASE_URL', ['mysql://a/b', 'a']],
    ['APP_SECRET', ['short', `${'a'.repeat(32)},short`]],
    ['API_KEY', ['short', 'with blanks in between']],
    ['PLAYGROUND', ['maybe']],
    ['CALLBACK_CONFIRM', ['never']],
    ['UPSTREAM_ID', ['With Blanks']],
    ['EGRESS_ALLOW', ['10.0.0.0/33', 'fd00::/129', '172.16.0.0/', '/8', '10.0/8', 'corp/8', '10.1.2.3/8:80', '10.1', '0x7f000001', '2130706433', '127.0.0.1.5', '::ffff:10.0.0.1', '::ffff:0:0/96', 'fe80::1%eth0', '[10.0.0.1]', '[fd00::2', 'fd00::2]:80', 'hooks.corp:0', 'hooks.corp:65536', 'hooks.corp:http', 'http://hooks.corp', 'user@hooks.corp', '*.corp', '.corp', 'a..corp', 'münchen.de', '10.0.0.0/8 10.0.0.1', '10.0.0.1,b/c']],
    ['EGRESS_CONNECTIONS_PER_HOST', ['0', '1001', '1.5']],
    ['EGRESS_TIMEOUT_SECONDS', ['0', '301']],
    ['EGRESS_ANSWER_BYTES', ['-1', '1048577']],
    ...['KEEP_JOBS_DAYS', 'KEEP_TIMELINES_DAYS', 'KEEP_CALLBACKS_DAYS', 'KEEP_SPENT_KEYS_DAYS'].map((name): [string, string[]] => [name, ['0', '6', '7.5', '36501', '-30', 'for ever']]),
  ])('%s is refused when it makes no sense, without repeating it', (name, values) => {
    for (const value of values) {
      const [problem, ...rest] = problemsOf({ [name]: value }).filter((line) => line.startsWith(`${name}:`));
      expect(problem, value).toMatch(new RegExp(`^${name}: expected `));
      expect(rest).toEqual([]);
      if (value.length > 5) expect(problem).not.toContain(value);
    }
  });
});
