/** Resolves the names in URLs that clients supplied. */
import { lookup as lookUpName, Resolver } from 'node:dns/promises';

/** Returns all addresses of a name; rejects, or resolves with an empty list, if it has none. */
export type Lookup = (hostname: string) => Promise<readonly string[]>;

/** Timeout of a query to a name server. An unanswered query is sent once more. */
const SERVER_TIMEOUT_MS = 3_000;
const TRIES = 2;

/**
 * Creates a resolver that queries name servers itself. The system's resolver occupies one of the few threads of the
 * process for as long as a name server does not answer. A client that supplies such a name twice would therefore block
 * all name resolution, including that of the upstream and the database. `servers` are the system's by default.
 */
export function createLookup(servers?: readonly string[], timeoutMs = SERVER_TIMEOUT_MS): Lookup {
  const resolver = new Resolver({ timeout: timeoutMs, tries: TRIES });
  if (servers) resolver.setServers(servers);
  return async (hostname) => {
    const found = await Promise.allSettled([resolver.resolve4(hostname), resolver.resolve6(hostname)]);
    return found.flatMap((one) => (one.status === 'fulfilled' ? one.value : []));
  };
}

/** Resolves a name as the system does, including files and search domains. For names that the operator configured. */
export const lookUpBySystem: Lookup = async (hostname) =>
  (await lookUpName(hostname, { all: true })).map(({ address }) => address);
