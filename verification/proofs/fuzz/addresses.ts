/**
 * Addresses that no external service may be asked to fetch from, and the ways to spell them. Nothing here is taken from
 * the code under test.
 */
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import fc from 'fast-check';
import { percentEncoded } from './texts.ts';

/** https://www.iana.org/assignments/iana-ipv4-special-registry, plus multicast and reserved addresses. */
const special4: readonly (readonly [string, number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
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
];
/** https://www.iana.org/assignments/iana-ipv6-special-registry, within the only block that is allocated. */
const special6: readonly (readonly [string, number])[] = [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['2620:4f:8000::', 48],
  ['3fff::', 20],
];

const refused4 = new BlockList();
for (const [net, prefix] of special4) refused4.addSubnet(net, prefix, 'ipv4');
const [refused6, given6] = [new BlockList(), new BlockList()];
for (const [net, prefix] of special6) refused6.addSubnet(net, prefix, 'ipv6');
given6.addSubnet('2000::', 3, 'ipv6');

/**
 * Returns true if a host, in its WHATWG spelling, is public. An address outside the blocks that are allocated to
 * networks is not public either.
 */
export function isPublicHost(hostname: string): boolean {
  const host = hostname.replace(/^\[(.*)\]$/, '$1').replace(/\.+$/, '');
  if (isIPv4(host)) return !refused4.check(host, 'ipv4');
  const [, high, low] = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(host) ?? [];
  if (high !== undefined && low !== undefined)
    return isPublicHost(octetsOf(parseInt(high, 16) * 65_536 + parseInt(low, 16)).join('.'));
  if (isIPv6(host)) return given6.check(host, 'ipv6') && !refused6.check(host, 'ipv6');
  const labels = hostname.replace(/\.$/, '').split('.');
  return (
    labels.length >= 2 &&
    labels.every((label) => label !== '') &&
    !privateNames.some((name) => `.${host}`.endsWith(`.${name}`))
  );
}

const privateNames = [
  'localhost',
  'local',
  'internal',
  'home.arpa',
  'test',
  'example',
  'invalid',
  'onion',
  'localdomain',
] as const;

const toNumber = (address: string): number => address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
const octetsOf = (address: number): number[] => [24, 16, 8, 0].map((shift) => (address >>> shift) & 255);

const within4 = fc
  .tuple(fc.constantFrom(...special4), fc.nat({ max: 2 ** 31 - 1 }), fc.constantFrom('any', 'first', 'last'))
  .map(([[net, prefix], chance, which]) => {
    const count = 2 ** (32 - prefix);
    return toNumber(net) + (which === 'first' ? 0 : which === 'last' ? count - 1 : chance % count);
  });

const radixes = [
  (part: number) => String(part),
  (part: number) => `0${part.toString(8)}`,
  (part: number) => `000${part.toString(8)}`,
  (part: number) => `0x${part.toString(16)}`,
  (part: number) => `0X${part.toString(16).toUpperCase()}`,
  (part: number) => `0x000${part.toString(16)}`,
] as const;
/** One to four numbers, each in its own radix. The last number covers all remaining octets. */
const spelled4 = fc
  .tuple(
    within4,
    fc.integer({ min: 1, max: 4 }),
    fc.array(fc.constantFrom(...radixes), { minLength: 4, maxLength: 4 }),
    fc.boolean(),
  )
  .map(([address, count, spell, dotted]) => {
    const octets = octetsOf(address);
    const last = octets.slice(count - 1).reduce((sum, part) => sum * 256 + part, 0);
    return (
      [...octets.slice(0, count - 1), last].map((part, index) => spell[index]!(part)).join('.') + (dotted ? '.' : '')
    );
  });

const groupsOf = (address: number): string => `${(address >>> 16).toString(16)}:${(address & 0xffff).toString(16)}`;
const spelled6 = fc.oneof(
  fc
    .tuple(
      within4,
      fc.constantFrom(
        '::ffff:',
        '::',
        '::ffff:0:',
        '64:ff9b::',
        '64:ff9b:1::',
        '0:0:0:0:0:ffff:',
        '0000:0000:0000:0000:0000:FFFF:',
        '2001:0:',
        '2001::',
        'fe80::',
      ),
      fc.boolean(),
    )
    .map(([address, prefix, dotted]) => {
      const rest = dotted ? octetsOf(address).join('.') : groupsOf(address);
      return prefix === '2001:0:' ? `[2001:0:${groupsOf(address)}::]` : `[${prefix}${rest}]`;
    }),
  within4.map((address) => `[2002:${groupsOf(address)}::1]`),
  fc
    .tuple(
      fc.constantFrom(
        '::',
        '::1',
        'fc00::',
        'fd12:3456::',
        'fe80::',
        'febf::',
        'fec0::',
        'ff02::',
        '100::',
        '2001:db8::',
        '2001:10::',
        '2001:20::',
        '3fff::',
        '5f00::',
        '4000::',
        'e000::',
        '1::',
        '0:0:0:0:0:0:0:',
      ),
      fc.integer({ min: 0, max: 0xffff }),
      fc.boolean(),
    )
    .map(([prefix, last, upper]) => {
      const address = prefix === '::1' ? prefix : `${prefix}${last.toString(16)}`;
      return `[${upper ? address.toUpperCase() : address}]`;
    }),
);

const spelledName = fc
  .tuple(
    fc.constantFrom('', 'a.', 'a.b.', 'xn--a.', '_.'),
    fc.constantFrom(
      ...privateNames,
      'intranet',
      'metadata.google.internal',
      'localhost.localdomain',
      'lOcAlHoSt',
      'ⓛocalhost',
      'ｌｏｃａｌｈｏｓｔ',
      'local\u00adhost',
    ),
    fc.constantFrom('', '.', '..', '。'),
  )
  .map(([before, name, after]) => (name === 'intranet' ? name : before + name) + after);

const fullwidth = (text: string): string =>
  text.replace(/[0-9a-z.]/gi, (sign) => (sign === '.' ? '。' : String.fromCodePoint(sign.codePointAt(0)! + 0xfee0)));

/** Hosts that must be refused, in all known spellings. */
export const privateHost = fc
  .tuple(
    fc.oneof(
      { weight: 4, arbitrary: spelled4 },
      { weight: 3, arbitrary: spelled6 },
      { weight: 2, arbitrary: spelledName },
    ),
    fc.constantFrom('', '', '', 'percent', 'fullwidth', 'dots'),
    fc.array(fc.nat({ max: 20 }), { maxLength: 4 }),
  )
  .map(([host, how, places]) => {
    if (host.startsWith('[') || how === '') return host;
    return how === 'percent' ? percentEncoded(host, places) : how === 'dots' ? `${host}..` : fullwidth(host);
  });

/** Hosts from which any service may fetch. */
export const publicHost = fc.constantFrom(
  'a.com',
  'cdn.example.com',
  'EXAMPLE.com',
  'a.com.',
  'münchen.de',
  'xn--mnchen-3ya.de',
  'local.example.com',
  'testing.dev',
  '8.8.8.8',
  '134744072',
  '0x08.8.010.8',
  '172.15.255.255',
  '172.32.0.0',
  '100.63.255.255',
  '9.255.255.255',
  '11.0.0.0',
  '[2606:4700::1111]',
  '[2a00:1450:4001:80b::200e]',
  '例え.jp',
  '%61.com',
);
