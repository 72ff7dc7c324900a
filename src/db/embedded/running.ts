/**
 * Finds the server of a running gateway, for a command that runs beside that gateway. The command uses the server, and
 * neither starts nor stops it.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { urlOf } from './cluster.ts';
import { clusterOf, placeData } from './placement.ts';
import { findOrphan } from './postmaster.ts';

/** Returns the URL of the server that works on this data directory; null if there is none. */
export async function findRunningServer(dataDir: string): Promise<string | null> {
  const quiet = () => undefined;
  const { home } = await placeData(dataDir, quiet);
  const running = await findOrphan(clusterOf(home), quiet);
  const password = (await readFile(join(home, 'password'), 'utf8').catch(() => '')).trim();
  return running && password ? urlOf(password, running.postmaster.port) : null;
}
