/** Addresses of names that clients named. */
import { lookup as lookUpName, Resolver } from 'node:dns/promises';

/** All addresses of a name; rejects, or answers none, when it has none. */
export type Lookup = (hostname: string) => Promise<readonly string[]>;

/** A name server that does not answer is given up after this, and asked once more. */
const SERVER_TIMEOUT_MS = 3_000;
const TRIES = 2;

/**
 * Asks name servers by itself. The system's own look-up takes one of the few threads of the process for as long as a
 * name server keeps silent, and whoever names such a name twice would stop all look-ups, those of the upstream and of
 * the database among them. `servers` are the system's by default.
 */
export function createLookup(servers?: readonly string[], timeoutMs = SERVER_TIMEOUT_MS): Lookup {
  const resolver = new Resolver({ timeout: timeoutMs, tries: TRIES });
  if (servers) resolver.setServers(servers);
  return async (hostname) => {
    const found = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
    return found.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
  };
}

/** As the system finds it, by files and search domains too: for names that the operator has written down. */
export const lookUpBySystem: Lookup = async (hostname) =>
  (await lookUpName(hostname, { all: true })).map(({ address }) => address);
