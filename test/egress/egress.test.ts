/** Egress: the destinations that it reaches, and those that it always blocks. */
import { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { aRequest, egressOf, endOf, standIn, startCanary, unreachable } from '../support/egress.ts';
import {
  disguisedAddresses,
  neighbours,
  publicAddresses,
  publicHosts,
  refusedUrls,
  specialAddresses,
} from '../support/egress-urls.ts';
import { httpAnswer, startRawUpstream } from '../support/raw-upstream.ts';

const PUBLIC = ['8.8.8.8', '2606:4700::1111', '93.184.216.34'];

const hostOf = (address: string): string => (address.includes(':') ? `[${address}]` : address);

describe('a URL with a non-public destination', () => {
  test('is rejected when a client supplies it', () => {
    const egress = egressOf('');
    const urls = refusedUrls(8080);
    expect(urls.length).toBeGreaterThanOrEqual(150);
    expect(urls.map(([url]) => [url, (egress.check(url) as { code?: string }).code])).toEqual(urls);
  });

  test('is rejected again by a post, without a DNS lookup or a connection', async () => {
    const canary = await startCanary();
    const lookups: string[] = [];
    const egress = egressOf('', {
      async lookup(hostname) {
        lookups.push(hostname);
        return ['127.0.0.1'];
      },
    });
    const urls = refusedUrls(canary.port);
    const ends = await Promise.all(urls.map(async ([url]) => [url, endOf(await egress.post(url, aRequest))]));
    expect(ends).toEqual(urls.map(([url, code]) => [url, code === 'PRIVATE_ADDRESS' ? 'BLOCKED' : 'INVALID_URL']));
    expect(lookups).toEqual([]);
    expect(canary.connections()).toBe(0);
  });
});

describe('a public name that resolves to a non-public address', () => {
  const addresses = [...specialAddresses, ...disguisedAddresses];

  test.each<[string, (address: string) => string[]]>([
    ['alone', (address) => [address]],
    ['after public ones', (address) => [...PUBLIC, address]],
    ['before public ones', (address) => [address, ...PUBLIC]],
  ])('%s is blocked', async (_where, answer) => {
    const canary = await startCanary();
    const network = unreachable(PUBLIC);
    const egress = egressOf('', {
      ...network,
      lookup: async (hostname) => answer(addresses[Number(/^n(\d+)\./.exec(hostname)![1])]!),
    });
    for (const scheme of ['http', 'https']) {
      const ends = await Promise.all(
        addresses.map(async (address, index) => {
          const url = `${scheme}://n${index}.example.com:${canary.port}/`;
          expect(egress.check(url)).toEqual({ ok: true, url });
          return [address, endOf(await egress.post(url, aRequest))];
        }),
      );
      expect(ends).toEqual(addresses.map((address) => [address, 'BLOCKED']));
    }
    expect(network.asked).toEqual([]);
    expect(canary.connections()).toBe(0);
  });

  test('in some of 1,000 successive lookups is blocked in exactly those', async () => {
    const canary = await startCanary();
    const network = unreachable(PUBLIC);
    const flips: [string[], string][] = [
      [['8.8.8.8'], 'NOT_CONNECTED'],
      [['127.0.0.1'], 'BLOCKED'],
      [['2606:4700::1111', '93.184.216.34'], 'NOT_CONNECTED'],
      [['8.8.8.8', '127.0.0.1'], 'BLOCKED'],
      [['::1', '8.8.8.8'], 'BLOCKED'],
      [['93.184.216.34'], 'NOT_CONNECTED'],
      [['::ffff:127.0.0.1'], 'BLOCKED'],
      [['0.0.0.0'], 'BLOCKED'],
      [['::ffff:8.8.8.8'], 'NOT_CONNECTED'],
      [['::'], 'BLOCKED'],
      [['127.0.0.2', '127.0.0.3'], 'BLOCKED'],
    ];
    let lookups = 0;
    const egress = egressOf('', { ...network, lookup: async () => flips[lookups++ % flips.length]![0] });
    const url = `http://flip.example.com:${canary.port}/`;
    for (let post = 0; post < 1_000; post += 1) {
      expect(egress.check(url).ok).toBe(true);
      expect(endOf(await egress.post(url, aRequest)), String(flips[post % flips.length]![0])).toBe(
        flips[post % flips.length]![1],
      );
    }
    expect(lookups, 'one result for each post').toBe(1_000);
    expect([...new Set(network.asked)].sort()).toEqual([...PUBLIC].sort());
    expect(canary.connections()).toBe(0);
  });

  test('in half of the lookups of 1,000 concurrent posts is blocked in exactly those', async () => {
    const canary = await startCanary();
    const network = unreachable(PUBLIC);
    let lookups = 0;
    const egress = egressOf('', {
      ...network,
      maxConnectionsPerHost: 50,
      lookup: async () => (lookups++ % 2 === 0 ? ['8.8.8.8'] : ['127.0.0.1']),
    });
    const ends = await Promise.all(
      Array.from({ length: 1_000 }, () => egress.post(`http://flip.example.com:${canary.port}/`, aRequest).then(endOf)),
    );
    expect(ends.filter((end) => end === 'BLOCKED')).toHaveLength(500);
    expect(network.asked).toEqual(Array(500).fill('8.8.8.8'));
    expect(canary.connections()).toBe(0);
  });
});

describe('a connection to an address other than the requested one', () => {
  test('is closed before a byte is sent', async () => {
    const receiver = await startRawUpstream((socket) => void socket.end(httpAnswer(200, '')));
    const { connect } = unreachable([]);
    const egress = egressOf('', {
      lookup: async () => ['8.8.8.8'],
      connect: (_address, port) => connect('127.0.0.1', port),
    });
    expect(endOf(await egress.post(`http://hooks.example.com:${new URL(receiver.url).port}/`, aRequest))).toBe(
      'BLOCKED',
    );
    expect(receiver.requests).toEqual([]);
  });
});

describe('a public receiver', () => {
  test('may have any address next to a special range', async () => {
    expect(neighbours.length).toBeGreaterThanOrEqual(30);
    const network = unreachable(
      neighbours.map((address) => new URL(`http://${hostOf(address)}`).hostname.replace(/[[\]]/g, '')),
    );
    const egress = egressOf('', {
      ...network,
      lookup: async (hostname) => [neighbours[Number(/^n(\d+)\./.exec(hostname)![1])]!],
    });
    for (const [index, address] of neighbours.entries()) {
      for (const url of [`http://${hostOf(address)}/`, `https://n${index}.example.com/`]) {
        expect(egress.check(url), url).toMatchObject({ ok: true });
        expect(endOf(await egress.post(url, aRequest)), url).toBe('NOT_CONNECTED');
      }
    }
    expect(network.asked).toHaveLength(2 * neighbours.length);
  });

  test.each(publicHosts)('%s is reached by its name', async (host, read) => {
    const receiver = await startRawUpstream((socket) => void socket.end(httpAnswer(200, 'thanks')));
    const network = standIn(receiver.url);
    const egress = egressOf('', { ...network, lookup: async () => ['93.184.216.34', '2606:4700::1111'] });
    const checked = egress.check(`http://${host}/hook?a=b#c`);
    expect(checked).toEqual({ ok: true, url: `http://${read}/hook?a=b` });
    expect(await egress.post(`http://${read}/hook?a=b`, aRequest)).toMatchObject({
      kind: 'answered',
      httpStatus: 200,
      text: 'thanks',
    });
    expect(network.asked).toEqual(['93.184.216.34 80']);
    expect(receiver.requests[0]).toMatch(
      new RegExp(`^POST /hook\\?a=b HTTP/1.1\r\n[^]*host: ${read.replaceAll('.', '\\.')}\r\n`),
    );
  });

  test.each(publicAddresses)('%s is reached without a DNS lookup', async (host, address) => {
    const receiver = await startRawUpstream((socket) => void socket.end(httpAnswer(204, '')));
    const network = standIn(receiver.url);
    expect(endOf(await egressOf('', network).post(`http://${host}:8080/`, aRequest))).toBe('204');
    expect(network.asked).toEqual([`${address} 8080`]);
  });

  test('is tried at its next address when a connection fails', async () => {
    const receiver = await startRawUpstream((socket) => void socket.end(httpAnswer(200, '')));
    const [dead, alive] = [unreachable(['2606:4700::1111']), standIn(receiver.url)];
    const connect: typeof dead.connect = (address, port) =>
      (address.includes(':') ? dead : alive).connect(address, port);
    expect(
      endOf(
        await egressOf('', { connect, lookup: async () => ['2606:4700::1111', '8.8.8.8'] }).post(
          'http://a.com/',
          aRequest,
        ),
      ),
    ).toBe('200');
    expect([dead.asked, alive.asked]).toEqual([['2606:4700::1111'], ['8.8.8.8 80']]);
  });
});

describe('a public receiver with several addresses', () => {
  test('is reached even if the first one does not respond at all', async () => {
    const receiver = await startRawUpstream((socket) => void socket.end(httpAnswer(200, '')));
    const alive = standIn(receiver.url);
    const silent = new Socket();
    const connect: typeof alive.connect = (address, port) =>
      address === '8.8.8.8' ? silent : alive.connect(address, port);
    const answer = await egressOf('', { connect, lookup: async () => ['8.8.8.8', '93.184.216.34'] }).post(
      'http://a.com/',
      aRequest,
    );
    expect(endOf(answer)).toBe('200');
    expect(answer.ms).toBeGreaterThanOrEqual(2_990);
    expect(silent.destroyed).toBe(true);
  });
});

describe('a private receiver', () => {
  /**
   * Resolves with the result of a post to `host` with this `EGRESS_ALLOW`. Every name resolves to loopback, and `:PORT`
   * stands for the port of the receiver.
   */
  async function postWith(allow: string, host: string): Promise<string> {
    const receiver = await startRawUpstream((socket) => void socket.end(httpAnswer(200, '')));
    const { port } = new URL(receiver.url);
    const egress = egressOf(allow.replaceAll('PORT', port), { lookup: async () => ['127.0.0.1'] });
    const url = `http://${host}:${port}/`;
    const end = endOf(await egress.post(url, aRequest));
    expect(receiver.requests).toHaveLength(end === '200' ? 1 : 0);
    if (end === '200') expect(egress.check(url)).toMatchObject({ ok: true });
    return end;
  }

  test.each([
    ['127.0.0.1', '127.0.0.1'],
    ['127.0.0.0/8', '127.1'],
    ['10.0.0.0/8, 127.0.0.1', '2130706433'],
    ['127.0.0.1:PORT', '127.0.0.1'],
    ['127.0.0.1', '[::ffff:7f00:1]'],
    ['0.0.0.0/0', '127.0.0.1'],
    ['127.0.0.1', 'hooks.example.com'],
    ['127.0.0.0/8', 'hooks.example.com'],
    ['127.0.0.1:PORT', 'hooks.example.com'],
    ['localhost', 'localhost'],
    ['localhost', 'localhost.'],
    ['LocalHost.:PORT', 'LOCALHOST'],
    ['intranet', 'intranet'],
    ['hooks.corp.internal', 'hooks.corp.internal'],
    ['hooks.example.com', 'hooks.example.com'],
  ])('is reached if EGRESS_ALLOW=%s allows it: %s', async (allow, host) =>
    expect(await postWith(allow, host)).toBe('200'),
  );

  test.each([
    ['', '127.0.0.1'],
    ['127.0.0.2', '127.0.0.1'],
    ['127.0.0.1:1', '127.0.0.1'],
    ['localhost', '127.0.0.1'],
    ['10.0.0.0/8, ::1, fd00::/8', '127.0.0.1'],
    ['hooks.corp', '127.0.0.1'],
    ['', 'hooks.example.com'],
    ['127.0.0.2', 'hooks.example.com'],
    ['127.0.0.1:1', 'hooks.example.com'],
    ['example.com', 'hooks.example.com'],
    ['hooks.example.com:1', 'hooks.example.com'],
    ['::/0', 'hooks.example.com'],
    // An allowed address does not allow a private name that resolves to it.
    ['127.0.0.1', 'localhost'],
    ['127.0.0.0/8', 'hooks.corp.internal'],
    ['localhost:1', 'localhost'],
    ['localhost', 'localhost..'],
    ['corp.internal', 'hooks.corp.internal'],
    ['hooks.corp.internal', 'corp.internal'],
  ])('is blocked if EGRESS_ALLOW=%s does not allow it: %s', async (allow, host) =>
    expect(await postWith(allow, host)).toBe('BLOCKED'),
  );

  test('that is allowed does not let another address of the same name through', async () => {
    const canary = await startCanary();
    const egress = egressOf('10.0.0.1', { lookup: async () => ['10.0.0.1', '127.0.0.1'] });
    expect(endOf(await egress.post(`http://hooks.example.com:${canary.port}/`, aRequest))).toBe('BLOCKED');
    expect(canary.connections()).toBe(0);
  });
});
