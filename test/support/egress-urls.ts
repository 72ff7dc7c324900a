/**
 * Addresses and URLs that the egress must refuse, and some that it must accept. None of them are derived from the
 * program.
 */
import { BlockList } from 'node:net';

/**
 * All rows of https://www.iana.org/assignments/iana-ipv4-special-registry and iana-ipv6-special-registry, plus
 * multicast and site-local addresses.
 */
const specialRanges: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.0.0', 29],
  ['192.0.0.8', 32],
  ['192.0.0.9', 32],
  ['192.0.0.10', 32],
  ['192.0.0.170', 32],
  ['192.0.0.171', 32],
  ['192.0.2.0', 24],
  ['192.31.196.0', 24],
  ['192.52.193.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['192.175.48.0', 24],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 4],
  ['240.0.0.0', 4],
  ['255.255.255.255', 32],
  ['::1', 128],
  ['::', 128],
  ['::', 96],
  ['::ffff:0:0:0', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['100::', 64],
  ['100:0:0:1::', 64],
  ['2001::', 23],
  ['2001::', 32],
  ['2001:1::1', 128],
  ['2001:1::2', 128],
  ['2001:1::3', 128],
  ['2001:2::', 48],
  ['2001:3::', 32],
  ['2001:4:112::', 48],
  ['2001:10::', 28],
  ['2001:20::', 28],
  ['2001:30::', 28],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['2620:4f:8000::', 48],
  ['3fff::', 20],
  ['5f00::', 16],
  ['fc00::', 7],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
];

type Family = 'ipv4' | 'ipv6';
const familyOf = (address: string): Family => (address.includes(':') ? 'ipv6' : 'ipv4');

function toNumber(address: string): bigint {
  if (familyOf(address) === 'ipv4')
    return BigInt(address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0));
  const [before = [], after] = address.split('::').map((side) => (side === '' ? [] : side.split(':')));
  const groups = after ? [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after] : before;
  return BigInt(`0x${groups.map((group) => group.padStart(4, '0')).join('')}`);
}

function toAddress(number: bigint, family: Family): string {
  if (family === 'ipv4') return [24n, 16n, 8n, 0n].map((shift) => String((number >> shift) & 255n)).join('.');
  return number.toString(16).padStart(32, '0').match(/..../g)!.join(':');
}

const special = new BlockList();
for (const [net, prefix] of specialRanges) special.addSubnet(net, prefix, familyOf(net));
/** The only IPv6 block that is allocated to networks. */
const givenOut = new BlockList();
givenOut.addSubnet('2000::', 3, 'ipv6');

const edges = specialRanges.map(([net, prefix]) => {
  const family = familyOf(net);
  const bits = family === 'ipv4' ? 32 : 128;
  const first = toNumber(net);
  const last = first + (1n << BigInt(bits - prefix)) - 1n;
  const outside = [first - 1n, last + 1n]
    .filter((number) => number >= 0n && number < 1n << BigInt(bits))
    .map((number) => toAddress(number, family));
  return {
    within: [toAddress(first, family), toAddress(last, family)],
    outside: outside.filter(
      (address) => !special.check(address, family) && (family === 'ipv4' || givenOut.check(address, family)),
    ),
  };
});

/**
 * The first and last address of each special-purpose range, addresses in unallocated IPv6 space, and the platform
 * address 168.63.129.16.
 */
export const specialAddresses: readonly string[] = [
  ...new Set([
    ...edges.flatMap(({ within }) => within),
    '1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
    '4000::',
    'fe00::',
    '1::1',
    '168.63.129.16',
  ]),
];

/** The public addresses just outside these ranges. */
export const neighbours: readonly string[] = [
  ...new Set([...edges.flatMap(({ outside }) => outside), '168.63.129.15', '168.63.129.17']),
];

/**
 * Resolver answers that are not plain special addresses: embedded and scoped addresses, other notations, and other
 * text.
 */
export const disguisedAddresses: readonly string[] = [
  '::ffff:127.0.0.1',
  '::ffff:7f00:1',
  '::FFFF:10.0.0.1',
  '::127.0.0.1',
  '::ffff:0:127.0.0.1',
  '64:ff9b::7f00:1',
  '64:ff9b::10.0.0.1',
  '64:ff9b:1::7f00:1',
  '2002:7f00:1::',
  '2002:a00:1::1',
  '2001:0:7f00:1::',
  'fe80::1%lo',
  '::1%lo',
  '',
  'localhost',
  '127.1',
  '0x7f000001',
  '2130706433',
];

const inBrackets = (address: string): string => (familyOf(address) === 'ipv6' ? `[${address}]` : address);

const spellings = [
  '127.1',
  '127.0.1',
  '0x7f.1',
  '0x7f.0.0.1',
  '0X7F.0x0.0x0.0x1',
  '0x7f000001',
  '2130706433',
  '017700000001',
  '0177.0.0.1',
  '0177.0.1',
  '00000177.0.0.01',
  '127.0.0.1.',
  '127.0.0.1..',
  '0',
  '0x0',
  '0.0',
  '10.1',
  '0xa9fea9fe',
  '2852039166',
  '0xa9.0376.43518',
  '3232235777',
  '１２７.０.０.１',
  '１２７。０。０。１',
  '①②⑦.⓪.⓪.①',
  '0ｘ7f.1',
  '%31%32%37.0.0.1',
  '127%2e0%2e0%2e1',
  '%30%78%37%66.1',
  '%ef%bc%91%ef%bc%92%ef%bc%97.0.0.1',
  '127.0\t.0.1',
  '12\n7.0.0.1',
  '[::127.0.0.1]',
  '[::7f00:1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[::FFFF:a00:1]',
  '[0:0:0:0:0:ffff:7f00:1]',
  '[0000:0000:0000:0000:0000:ffff:127.0.0.1]',
  '[0:0:0:0:0:0:0:1]',
  '[::ffff:0:7f00:1]',
  '[::ffff:169.254.169.254]',
  '[64:ff9b::127.0.0.1]',
  '[64:ff9b::a9fe:a9fe]',
  '[64:ff9b:1::7f00:1]',
  '[64:ff9b:1:ffff::10.0.0.1]',
  '[2002:7f00:1::]',
  '[2002:a9fe:a9fe::1]',
  '[2002:c0a8:101:1::1]',
  '[2001:0:7f00:1::]',
  '[2001:0:4136:e378:8000:63bf:80ff:fffe]',
  '[fd00:ec2::254]',
  '100.100.100.200',
  '169.254.169.254',
  '192.0.0.192',
  'localhost',
  'LOCALHOST',
  'localhost.',
  'localhost..',
  'ⓛocalhost',
  'ｌｏｃａｌｈｏｓｔ',
  'local\u00adhost',
  'l%6fcalhost',
  'api.localhost',
  'localhost.localdomain',
  'ip6-localhost',
  'intranet',
  'printer.local',
  'vault.internal',
  'metadata.google.internal',
  'router.home.arpa',
  'a.test',
  'a.example',
  'a.invalid',
  'a.onion',
  'a..com',
  '.com',
  '..',
  'com',
  'com.',
];

const otherForms: readonly (readonly [string, string])[] = [
  ...['ftp', 'file', 'gopher', 'dict', 'ldap', 'ws', 'wss', 'tftp', 'ssh', 'jar', 'unix', 'httpx'].map(
    (scheme) => [`${scheme}://hooks.example.com/`, 'INVALID_URL'] as const,
  ),
  ...[
    '',
    ' ',
    'hooks.example.com',
    '/hook',
    '//127.0.0.1/',
    '//hooks.example.com/',
    'http://',
    'https://',
    'http:',
    'javascript:alert(1)',
    'data:text/plain,a',
    'blob:https://a.com/1',
    'about:blank',
    'mailto:a@b.com',
  ].map((url) => [url, 'INVALID_URL'] as const),
  ...[
    'http://a b.com',
    'http://a%00.com/',
    'http://local\0host/',
    'http://a.com:65536/',
    'http://a.com:-1/',
    'http://a.com:x/',
    'http://[::1',
    'http://[::1%25lo]/',
    'http://[fe80::1%eth0]/',
    'http://[v1.x]/',
    'http://256.0.0.1/',
    'http://1.2.3.4.5/',
    'http://0x100000000/',
    'http://a.com/\ud800',
    'http://xn--/',
    'http://a<b.com/',
  ].map((url) => [url, 'INVALID_URL'] as const),
  ...[
    'https://user@a.com/',
    'https://:pass@a.com/',
    'https://user:pass@a.com/',
    'http://a.com@127.0.0.1/',
    'http://a.com:80@127.0.0.1/',
    'http://127.0.0.1@a.com/',
    'https://%75@a.com/',
    'http://a@b@c.com/',
    'http://a.com%40@127.0.0.1/',
  ].map((url) => [url, 'URL_HAS_CREDENTIALS'] as const),
  [`https://a.com/${'x'.repeat(2_035)}`, 'TOO_LONG'],
  [`https://a.com/${'ü'.repeat(1_000)}`, 'TOO_LONG'],
];

/**
 * Returns URLs, each with the code that it is refused with. URLs that lead to an address use `port`, on which a test
 * can detect connections.
 */
export function refusedUrls(port: number): readonly (readonly [url: string, code: string])[] {
  const hosts = [...specialAddresses.map(inBrackets), ...spellings];
  const at = `127.0.0.1:${port}`;
  const odd = [
    `http:${at}/`,
    `http:/${at}/`,
    `http:///${at}/`,
    `http:\\\\${at}\\`,
    `HTTP://${at}`,
    ` \thttp://${at}/ \n`,
    `ht\ntp://${at}/`,
    `http://${at}#@a.com/`,
    `http://${at}?@a.com/`,
    `http://${at}\\@a.com/`,
    `http://${at}/@a.com`,
  ];
  return [
    ...[
      ...hosts.map((host) => `http://${host}:${port}/hook`),
      ...hosts.slice(0, 20).map((host) => `https://${host}:${port}/`),
      ...odd,
    ].map((url) => [url, 'PRIVATE_ADDRESS'] as const),
    ...otherForms,
  ];
}

/** Public hosts, as a client writes them and as a receiver reads them. */
export const publicHosts: readonly (readonly [string, string])[] = [
  ['hooks.example.com', 'hooks.example.com'],
  ['EXAMPLE.com', 'example.com'],
  ['example.com.', 'example.com.'],
  ['münchen.de', 'xn--mnchen-3ya.de'],
  ['例え.jp', 'xn--r8jz45g.jp'],
  ['local.example.com', 'local.example.com'],
  ['testing.dev', 'testing.dev'],
  ['_hook.example.com', '_hook.example.com'],
  ['%61.com', 'a.com'],
  ['127.0.0.1.nip.io', '127.0.0.1.nip.io'],
  ['xn--mnchen-3ya.de', 'xn--mnchen-3ya.de'],
  ['localhost.example.com', 'localhost.example.com'],
];

/** Public addresses as a client writes them, each with the address to connect to. */
export const publicAddresses: readonly (readonly [string, string])[] = [
  ['8.8.8.8', '8.8.8.8'],
  ['134744072', '8.8.8.8'],
  ['0x08.8.010.8', '8.8.8.8'],
  ['8.8.2056', '8.8.8.8'],
  ['[2606:4700::1111]', '2606:4700::1111'],
  ['[::ffff:8.8.8.8]', '8.8.8.8'],
  ['[2A00:1450:4001:80b:0:0:0:200e]', '2a00:1450:4001:80b::200e'],
];
