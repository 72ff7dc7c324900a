/**
 * What a socket shows to be let in. Names of headers have no case, in `connection_init` as little as in the upgrade
 * request.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { ACCOUNT_HEADER } from '../rate-limit-headers.ts';

interface Credentials {
  readonly authorization: unknown;
  /** The account that an administrator names. */
  readonly accountId: unknown;
}

/**
 * The payload counts before its `headers`, and both before the headers of the upgrade; null and an empty text are none.
 */
export function credentialsOf(
  payload: Readonly<Record<string, unknown>> | undefined,
  upgrade: IncomingHttpHeaders,
): Credentials {
  const places = [payload, fieldOf(payload, 'headers'), upgrade];
  const find = (...names: readonly string[]): unknown => {
    for (const place of places)
      for (const name of names) {
        const value = fieldOf(place, name);
        if (value !== undefined) return value;
      }
    return undefined;
  };
  return { authorization: find('authorization'), accountId: find('accountid', ACCOUNT_HEADER) };
}

/**
 * An own field that has a value, by its name in lower case; the one that is written so counts before other spellings.
 */
function fieldOf(place: unknown, name: string): unknown {
  if (typeof place !== 'object' || place === null || Array.isArray(place)) return undefined;
  const isGiven = (value: unknown): boolean => value !== undefined && value !== null && value !== '';
  const fields = Object.entries(place).filter(([spelled, value]) => spelled.toLowerCase() === name && isGiven(value));
  return (fields.find(([spelled]) => spelled === name) ?? fields[0])?.[1];
}
