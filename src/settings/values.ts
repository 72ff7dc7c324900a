/**
 * Schemas for the values of settings. A value that passes here works later: ambiguous values are rejected, not coerced.
 */
import { isIP } from 'node:net';
import proxyAddr from '@fastify/proxy-addr';
import { parse, parseIntoClientConfig } from 'pg-connection-string';
import { z } from 'zod';
import { parseUrl } from '../network/parse-url.ts';

/** Makes a setting optional. A blank variable counts as not set, and white space around a value is removed. */
export const optional = <T>(schema: z.ZodType<T>) =>
  z.preprocess((value) => (typeof value === 'string' ? value.trim() || undefined : value), schema.optional());

/** Accepts only decimal digits and a sign: `1e3`, `0x10` and `5.0` are more often mistakes than intended. */
export const integerIn = (min: number, max: number) =>
  z
    .string()
    .regex(/^-?\d+$/)
    .transform(Number)
    .pipe(z.number().int().min(min).max(max));

export const decimalIn = (min: number, max: number) =>
  z
    .string()
    .regex(/^-?(\d+(\.\d+)?|\.\d+)$/)
    .transform(Number)
    .pipe(z.number().min(min).max(max));

export const oneOf = <const T extends string>(values: readonly T[]) => z.string().toLowerCase().pipe(z.enum(values));

const ON = ['on', 'true', 'yes', '1'];
const OFF = ['off', 'false', 'no', '0'];

export const onOrOff = z
  .string()
  .toLowerCase()
  .pipe(z.enum([...ON, ...OFF]))
  .transform((value) => ON.includes(value));

const unique = (values: readonly string[]): string[] => [...new Set(values)];

/** Splits a comma-separated list. Trims its parts and drops empty parts and duplicates. */
export const list = z.string().transform((value) =>
  unique(
    value
      .split(',')
      .map((part) => part.trim())
      .filter(Boolean),
  ),
);

/** Start of an error message that replaces the setting's own description, for a value that is nearly valid. */
export const EXPECTED = 'expected ';

const refuse = (context: z.RefinementCtx, expected: string): never => {
  context.addIssue({ code: 'custom', message: `${EXPECTED}${expected}` });
  return z.NEVER;
};

/**
 * An http(s) URL to which paths are appended. The parsed spelling is kept, because another program may read other
 * spellings differently.
 */
export const baseUrl = z.string().transform((value, context) => {
  const url = /^https?:\/\//i.test(value) ? parseUrl(value) : null;
  if (url === null) return refuse(context, 'an http(s) URL');
  const { username, password, hostname, origin, pathname } = url;
  if (username || password) return refuse(context, 'an http(s) URL without a user and a password');
  if (/[?#]/.test(value)) return refuse(context, 'an http(s) URL without a query (`?`) and a fragment (`#`)');
  if (!isHost(hostname)) return refuse(context, 'an http(s) URL with the name or address of one host');
  return `${origin}${pathname.replace(/\/+$/, '')}`;
});

/** The modes that `pg` knows. With any other value of `PGSSLMODE`, it connects without TLS. */
export const SSL_MODES: readonly string[] = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'];
const ENCODE =
  'a postgres:// URL, with special characters of user and password percent-encoded (`#` as `%23`, `/` as `%2F`, `?` as `%3F`, `@` as `%40`, `%` as `%25`)';

/** A PostgreSQL URL as `pg` parses it. The host may be missing, for a Unix domain socket. */
export const postgresUrl = z.string().transform((value, context) => {
  if (!/^postgres(ql)?:\/\//i.test(value)) return refuse(context, 'a postgres:// URL');
  // An unencoded character in a password can end the address early; the rest is then parsed as a path, a query or a
  // fragment.
  if (/[#\s]/.test(value) || /[?/].*@/.test(value.replace(/^\w+:\/\//, '')) || /%(?![0-9a-f]{2})/i.test(value))
    return refuse(context, ENCODE);
  const mode = /[?&]sslmode=([^&]*)/.exec(value)?.[1];
  if (mode !== undefined && !SSL_MODES.includes(mode))
    return refuse(context, `sslmode to be one of ${SSL_MODES.join(', ')}`);
  try {
    parseIntoClientConfig(value);
  } catch (error) {
    return refuse(
      context,
      (error as NodeJS.ErrnoException).syscall ? 'files that can be read as sslrootcert, sslcert and sslkey' : ENCODE,
    );
  }
  return value;
});

/** True if the URL leaves TLS open, so that `pg` takes the mode from `PGSSLMODE`. */
export const leavesTlsOpen = (url: string): boolean => parse(url).ssl === undefined;

const isName = (value: string): boolean =>
  value.length <= 253 &&
  value.split('.').every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i.test(label)) &&
  !/^[\d.]+$/.test(value);

/** True for a name, an IPv4 address, or an IPv6 address in brackets, as in URLs. */
const isHost = (value: string): boolean =>
  isIP(value) === 4 || isName(value.replace(/\.$/, '')) || (/^\[.*\]$/.test(value) && isIP(value.slice(1, -1)) === 6);

/** A host to listen on. Brackets around an address are removed. */
export const listenHost = z
  .string()
  .transform((value) => value.replace(/^\[(.*)\]$/, '$1'))
  .refine((value) => isIP(value) !== 0 || isName(value));

/** Host names and addresses without ports. An IPv6 address is put in brackets, as in requests. */
export const hostNames = list
  .transform((entries) => unique(entries.map((entry) => (isIP(entry) === 6 ? `[${entry}]` : entry.toLowerCase()))))
  .refine((entries) => entries.length > 0 && entries.every((entry) => isHost(entry.replace(/^\*\./, ''))));

export const domainNames = list
  .transform((entries) => unique(entries.map((entry) => entry.toLowerCase())))
  .refine((entries) => entries.length > 0 && entries.every((entry) => isName(entry) && entry.includes('.')));

const NAMED_NETWORKS = ['loopback', 'linklocal', 'uniquelocal'];

/**
 * Trusted proxies as `@fastify/proxy-addr` accepts them: addresses, networks by prefix or mask, and three names. The
 * package itself also accepts `1` as an address.
 */
export const proxies = list
  .refine((entries) => {
    try {
      proxyAddr.compile(entries);
      // The package also accepts an IPv6 zone, which the addresses in headers do not have.
      return (
        entries.length > 0 &&
        entries.every(
          (entry) => !entry.includes('%') && (NAMED_NETWORKS.includes(entry) || isIP(entry.split('/')[0]!) !== 0),
        )
      );
    } catch {
      return false;
    }
  })
  .transform((entries) => entries.join(','));

/** Visible ASCII text that a header can carry. */
export const visible = (min: number, max = 255) =>
  z
    .string()
    .regex(/^[\x21-\x7e]+$/)
    .min(min)
    .max(max);

/** Values from `.env.example`, which are public. */
const EXAMPLES = ['at-least-16-visible-characters', 'at-least-32-characters-of-randomness'];

const isNoExample = (value: string): boolean => !EXAMPLES.includes(value);

/** A key that clients send in a header. */
export const keyText = (min: number) => visible(min).refine(isNoExample);

/**
 * A secret that never leaves the gateway. Any characters are allowed, because a secret in use cannot be changed without
 * loss.
 */
export const secret = (min: number) => z.string().min(min).refine(isNoExample);
