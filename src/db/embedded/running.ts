/** Finding the server of a gateway that runs now, for a command beside it: it is used, not started and not stopped. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { urlOf } from './cluster.ts';
import { clusterOf, placeData } from './placement.ts';
import { findOrphan } from './postmaster.ts';

/** The URL of the server that works on this data directory; null when there is none. */
export async function findRunningServer(dataDir: string): Promise<string | null> {
  const quiet = () => undefined;
  const { home } = await placeData(dataDir, quiet);
  const running = await findOrphan(clusterOf(home), quiet);
  const password = (await readFile(join(home, 'password'), 'utf8').catch(() => '')).trim();
  return running && password ? urlOf(password, running.postmaster.port) : null;
}
