/** Tests which browser origins are allowed. The same rule applies to HTTP and to sockets. */
import { describe, expect, test } from 'vitest';
import { ConfigError, loadConfig } from '../../src/config.ts';
import { createRefusalLog } from '../../src/http/refusal-log.ts';
import { matchesOrigin, parseOrigin } from '../../src/settings/origins.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { shared } from '../support/on-end.ts';
import { upgrade } from '../support/upgrade.ts';

const preflight = (url: string, origin: string, path = '/graphql') =>
  fetch(`${url}${path}`, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'authorization,content-type',
    },
  });

/** Returns true if the origin is allowed. Asserts that HTTP and sockets agree. */
async function isLetIn({ url }: Pick<TestGateway, 'url'>, origin: string): Promise<boolean> {
  const [overHttp, overSocket] = [await preflight(url, origin), await upgrade(url, { origin })];
  const allowed = overHttp.headers.get('access-control-allow-origin');
  const answers = {
    http: overHttp.status === 204 && (allowed === origin || allowed === '*'),
    socket: overSocket.status === 101,
  };
  expect(answers.socket, `${origin}: ${JSON.stringify(answers)}`).toBe(answers.http);
  return answers.http;
}

describe('an entry of CORS_ORIGINS', () => {
  test.each([
    ['https://app.example.com', 'https://app.example.com'],
    ['https://App.Example.COM', 'https://app.example.com'],
    ['HTTPS://app.example.com/', 'https://app.example.com'],
    ['https://app.example.com:443', 'https://app.example.com'],
    ['http://app.example.com:80/', 'http://app.example.com'],
    ['http://app.example.com:443', 'http://app.example.com:443'],
    ['http://localhost:3000/', 'http://localhost:3000'],
    ['http://[::1]:5173', 'http://[::1]:5173'],
    ['https://münchen.example', 'https://xn--mnchen-3ya.example'],
    ['https://*.Example.com:8443/', 'https://*.example.com:8443'],
    ['http://*.localhost:3000', 'http://*.localhost:3000'],
    ['capacitor://localhost', 'capacitor://localhost'],
    ['*', '*'],
  ])('%s is normalized to %s', (written, parsed) => {
    expect(parseOrigin(written)).toBe(parsed);
  });

  test.each([
    'localhost:3000',
    'app.example.com',
    '//app.example.com',
    'https://',
    'https:/app.example.com',
    'https://app.example.com/app',
    'https://app.example.com?x',
    'https://app.example.com#x',
    'https://user@app.example.com',
    'https://*',
    'https://*.com',
    'https://*.example.*',
    'https://a*.example.com',
    'https://*.10.0.0.1',
    'http://localhost:*',
    'http://localhost:99999',
    'https://a b',
    'wss://app.example.com',
    'null',
    '**',
    'https://evil.com\\.example.com',
  ])('%s is rejected at startup with an error that names the setting', (written) => {
    expect(() => loadConfig({ CORS_ORIGINS: `https://good.example.com, ${written}` })).toThrow(ConfigError);
    try {
      loadConfig({ CORS_ORIGINS: `https://good.example.com, ${written}` });
    } catch (error) {
      expect((error as ConfigError).problems).toEqual([expect.stringMatching(/^CORS_ORIGINS: expected origins/)]);
    }
  });

  test('matches the same origin; a wildcard matches exactly one label', () => {
    const rules = new Set(['https://*.example.com', 'http://localhost:3000'].map((text) => parseOrigin(text)!));
    for (const origin of ['https://a.example.com', 'http://localhost:3000'])
      expect(matchesOrigin(rules, origin), origin).toBe(true);
    for (const origin of [
      'https://example.com',
      'https://a.b.example.com',
      'http://a.example.com',
      'https://a.example.com:444',
      'https://a.example.com.evil.com',
      'https://aexample.com',
      'http://localhost:3001',
      'https://localhost:3000',
      'https://*.example.com',
      'null',
      '',
    ]) {
      expect(matchesOrigin(rules, origin), origin).toBe(false);
    }
    for (const origin of ['https://anything.example', 'null', 'capacitor://localhost'])
      expect(matchesOrigin(new Set(['*']), origin), origin).toBe(true);
  });
});

describe('a browser origin', () => {
  const listing = shared(() =>
    startGateway({
      CORS_ORIGINS:
        'https://App.example.com/, http://localhost:3000/, https://*.studio.example.com, http://plain.example.com:80, capacitor://localhost',
    }),
  );

  test("is allowed only if it is the gateway's own or matches a normalized entry of the setting", async () => {
    const gateway = listing();
    for (const origin of [
      'https://app.example.com',
      'http://localhost:3000',
      'https://one.studio.example.com',
      'http://plain.example.com',
      'capacitor://localhost',
      gateway.url,
    ])
      expect(await isLetIn(gateway, origin), origin).toBe(true);
    for (const origin of [
      'https://evil.example.com',
      'http://localhost:3001',
      'http://app.example.com',
      'https://studio.example.com',
      'https://a.b.studio.example.com',
      'https://app.example.com.evil.com',
      'null',
    ])
      expect(await isLetIn(gateway, origin), origin).toBe(false);
  });

  test('is always allowed if the setting is "*"', async () => {
    const gateway = await startGateway({ CORS_ORIGINS: '*' });
    for (const origin of ['https://anything.example.com', 'http://localhost:1', 'null'])
      expect(await isLetIn(gateway, origin), origin).toBe(true);
    const answer = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { origin: 'https://anything.example.com', 'content-type': 'application/json' },
      body: '{}',
    });
    expect([
      answer.headers.get('access-control-allow-origin'),
      answer.headers.get('access-control-allow-credentials'),
    ]).toEqual(['*', null]);
  });

  test('on loopback is allowed at any port if the gateway uses the sandbox on a loopback host and CORS_ORIGINS is not set', async () => {
    const gateway = await startGateway();
    for (const origin of ['http://localhost:5173', 'http://127.0.0.1:3000', 'https://[::1]:8443', 'http://localhost'])
      expect(await isLetIn(gateway, origin), origin).toBe(true);
    for (const origin of [
      'http://localhost.evil.com:5173',
      'http://127.0.0.2:3000',
      'https://evil.example.com',
      'http://app.localhost:3000',
    ])
      expect(await isLetIn(gateway, origin), origin).toBe(false);
    // The settings of the playground may contain a key, which only its own page may read.
    for (const path of ['/playground/config.json', '//playground/config.json', '/%70layground//config.json/']) {
      const settings = await fetch(`${gateway.url}${path}`, { headers: { origin: 'http://localhost:5173' } });
      expect([settings.status, settings.headers.get('access-control-allow-origin')], path).toEqual([200, null]);
    }
    expect(await isLetIn(listing(), 'http://localhost:5173')).toBe(false);
  });

  test('on loopback is rejected if jobs are paid for or other machines can reach the gateway', async () => {
    const elsewhere: readonly Record<string, string>[] = [
      { HOST: '0.0.0.0' },
      { UPSTREAM: 'acedata', ACEDATA_API_TOKEN: 'token', ACEDATA_BASE_URL: 'http://127.0.0.1:1' },
    ];
    for (const settings of elsewhere) {
      expect(await isLetIn(await startGateway(settings), 'http://localhost:5173'), JSON.stringify(settings)).toBe(
        false,
      );
    }
  });

  test('of PUBLIC_URL is allowed', async () => {
    const gateway = await startGateway({ PUBLIC_URL: 'https://Public.example.com:443/below/' });
    expect(await isLetIn(gateway, 'https://public.example.com')).toBe(true);
    for (const origin of [
      'http://public.example.com',
      'https://public.example.com:444',
      'https://a.public.example.com',
    ])
      expect(await isLetIn(gateway, origin), origin).toBe(false);
  });

  test('that is rejected gets an error that names the setting, over HTTP and on a socket, and is logged once a minute', async () => {
    const gateway = await startGateway({ CORS_ORIGINS: 'https://app.example.com' });
    const overHttp = await preflight(gateway.url, 'https://other.example.com', '/kling/motion');
    const told = {
      errors: [
        {
          message: expect.stringMatching(/https:\/\/other\.example\.com.*CORS_ORIGINS/) as string,
          extensions: { code: 'ORIGIN_NOT_ALLOWED' },
        },
      ],
    };
    expect([overHttp.status, await overHttp.json()]).toEqual([403, told]);
    const overSocket = await upgrade(gateway.url, { origin: 'https://other.example.com' });
    expect([overSocket.status, JSON.parse(overSocket.body)]).toEqual([403, told]);
    const lines = gateway.logs.filter(({ setting }) => setting === 'CORS_ORIGINS');
    expect(lines).toEqual([
      expect.objectContaining({
        level: 30,
        value: 'https://other.example.com',
        msg: expect.stringContaining('CORS_ORIGINS') as string,
      }),
    ]);
  });
});

test('refusals are logged at most once a minute for each setting, with the number of omitted ones', () => {
  const lines: object[] = [];
  let now = 0;
  const logRefusal = createRefusalLog(
    { info: (fields: object) => void lines.push(fields), warn: () => undefined, error: () => undefined },
    () => now,
  );
  logRefusal('CORS_ORIGINS', 'https://a.example.com');
  logRefusal('ALLOWED_HOSTS', 'a.example.com');
  now = 59_999;
  for (let number = 0; number < 3; number += 1) logRefusal('CORS_ORIGINS', 'https://b.example.com');
  expect(lines).toHaveLength(2);
  now = 60_000;
  logRefusal('CORS_ORIGINS', 'x'.repeat(5_000));
  expect(lines.slice(2)).toEqual([
    { setting: 'CORS_ORIGINS', value: `${'x'.repeat(200)}...`, refusedSinceLastLine: 3 },
  ]);
});

describe("the gateway's own origin", () => {
  const GW = 'gw.acedata.cloud';
  const LOCAL = '127.0.0.1:4000';
  const names = `${GW}, 127.0.0.1`;

  const own: readonly [string, Record<string, string>, string][] = [
    [
      'the host that a trusted proxy names',
      { host: LOCAL, 'x-forwarded-host': GW, 'x-forwarded-proto': 'https' },
      `https://${GW}`,
    ],
    ['without the scheme', { host: LOCAL, 'x-forwarded-host': GW }, `https://${GW}`],
    [
      'the last of a list, which the trusted proxy has added',
      { host: LOCAL, 'x-forwarded-host': `elsewhere.example.com, ${GW}` },
      `https://${GW}`,
    ],
    ['with a port in the host', { host: LOCAL, 'x-forwarded-host': `${GW}:8443` }, `https://${GW}:8443`],
    [
      'with a port in a header of its own',
      { host: LOCAL, 'x-forwarded-host': GW, 'x-forwarded-port': '8443' },
      `https://${GW}:8443`,
    ],
    [
      'with the default port in the host',
      { host: LOCAL, 'x-forwarded-host': `${GW}:443`, 'x-forwarded-proto': 'https' },
      `https://${GW}`,
    ],
    ['Forwarded of RFC 7239', { host: LOCAL, forwarded: `for=192.0.2.1;host=${GW};proto=https` }, `https://${GW}`],
    [
      'the last element of Forwarded, quoted',
      { host: LOCAL, forwarded: `host=elsewhere.example.com, for="[2001:db8::1]";host="${GW}:8443"` },
      `https://${GW}:8443`,
    ],
    ['a proxy that keeps Host', { host: GW }, `https://${GW}`],
    ['Host with the default port of https', { host: `${GW}:443` }, `https://${GW}`],
    ['Host with the default port of http', { host: `${GW}:80` }, `http://${GW}`],
    ['Host in capitals', { host: GW.toUpperCase() }, `https://${GW}`],
  ];
  const foreign: readonly [string, Record<string, string>, string][] = [
    [
      'a foreign host before ours in a list',
      { host: LOCAL, 'x-forwarded-host': `evil.example.com, ${GW}` },
      'https://evil.example.com',
    ],
    ['another port', { host: LOCAL, 'x-forwarded-host': GW }, `https://${GW}:8443`],
    ['the default port of the other scheme', { host: `${GW}:443` }, `http://${GW}`],
    ['a name that ours is the end of', { host: LOCAL, 'x-forwarded-host': GW }, `https://evil-${GW}`],
    ['a name that begins as ours', { host: LOCAL, 'x-forwarded-host': GW }, `https://${GW}.evil.example.com`],
    ['an empty list', { host: LOCAL, 'x-forwarded-host': ',' }, `https://${GW}`],
  ];

  const trusting = shared(() =>
    startGateway({ TRUST_PROXY: '127.0.0.1', ALLOWED_HOSTS: names, CORS_ORIGINS: 'https://nobody.example.com' }),
  );

  test('is the one that the request was sent to, including as reported by a trusted proxy', async () => {
    const { url } = trusting();
    for (const [name, headers, origin] of own) {
      expect((await upgrade(url, { origin, headers })).status, name).toBe(101);
      expect((await upgrade(url, { origin: 'https://evil.example.com', headers })).status, name).toBe(403);
    }
    for (const [name, headers, origin] of foreign)
      expect((await upgrade(url, { origin, headers })).status, name).toBe(403);
  });

  test('is not taken from the headers of an untrusted peer', async () => {
    const said: readonly Record<string, string>[] = [
      { 'x-forwarded-host': GW },
      { forwarded: `host=${GW}` },
      { 'x-forwarded-host': GW, 'x-forwarded-port': '443' },
    ];
    for (const TRUST_PROXY of ['', '192.0.2.1', '10.0.0.0/8, 2001:db8::/32']) {
      const { url } = await startGateway({
        TRUST_PROXY,
        ALLOWED_HOSTS: names,
        CORS_ORIGINS: 'https://nobody.example.com',
      });
      for (const headers of said) {
        expect(
          (await upgrade(url, { origin: `https://${GW}`, headers: { host: LOCAL, ...headers } })).status,
          TRUST_PROXY,
        ).toBe(403);
      }
    }
  });

  test('as reported by a proxy does not allow a host that ALLOWED_HOSTS does not list', async () => {
    const gateway = trusting();
    const answer = await upgrade(gateway.url, {
      origin: `https://${GW}`,
      headers: { host: 'rebound.example.com', 'x-forwarded-host': GW },
    });
    expect(answer.status).toBe(421);
    expect(answer.body).toMatch(/rebound\.example\.com.*ALLOWED_HOSTS/);
    expect(gateway.logs.filter(({ setting }) => setting === 'ALLOWED_HOSTS')).toEqual([
      expect.objectContaining({ level: 30, value: 'rebound.example.com' }),
    ]);
  });
});
