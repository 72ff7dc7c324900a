/**
 * Reads the credentials of a socket. Header names are case-insensitive in `connection_init`, as they are in the upgrade
 * request.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { ACCOUNT_HEADER } from '../rate-limit-headers.ts';

interface Credentials {
  readonly authorization: unknown;
  /** The account on whose behalf an administrator acts. */
  readonly accountId: unknown;
}

/**
 * Returns the credentials. The payload takes precedence over its `headers`, and both over the headers of the upgrade.
 * Null and empty strings count as absent.
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
 * Returns the own field that has a value and the given lower-case name in any spelling. The lower-case spelling takes
 * precedence over the others.
 */
function fieldOf(place: unknown, name: string): unknown {
  if (typeof place !== 'object' || place === null || Array.isArray(place)) return undefined;
  const isGiven = (value: unknown): boolean => value !== undefined && value !== null && value !== '';
  const fields = Object.entries(place).filter(([spelled, value]) => spelled.toLowerCase() === name && isGiven(value));
  return (fields.find(([spelled]) => spelled === name) ?? fields[0])?.[1];
}
