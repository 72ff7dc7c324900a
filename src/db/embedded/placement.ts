/** Chooses where the data is stored and which user the server runs as. */
import { createHash } from 'node:crypto';
import { chmod, lchown, mkdir, realpath, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { DataDirError, usingDataDir } from './errors.ts';
import { canReach, findOwner, getServiceUser, giveTree, isRoot, type Owner } from './owner.ts';

export interface Placement {
  /**
   * An absolute path without symbolic links. The directory holds the cluster `data`, its password, log, lock and, if
   * needed, binaries.
   */
  readonly home: string;
  /** The user that the server runs as; null for the current user. */
  readonly owner: Owner | null;
}

export type Log = (level: 'info' | 'warn', message: string) => void;

const ELSEWHERE = '/var/lib/motion-gateway';

export const clusterOf = (home: string): string => join(home, 'data');

const hasCluster = async (home: string): Promise<boolean> => (await findOwner(clusterOf(home))) !== null;

/**
 * Chooses and creates the home: `<dataDir>/postgres`, or `/var/lib/motion-gateway/<hash of dataDir>` if the gateway
 * runs as root and the server's user cannot enter `dataDir`. A home that has a cluster is kept, and so is its owner.
 */
export async function placeData(dataDir: string, log: Log): Promise<Placement> {
  return usingDataDir(resolve(dataDir), async () => {
    // A recursive `mkdir` would apply its mode to the parents too, and lock other users out of them.
    await mkdir(dataDir, { recursive: true });
    const root = await realpath(dataDir);
    const inside = join(root, 'postgres');
    const elsewhere = join(ELSEWHERE, createHash('sha256').update(root).digest('hex').slice(0, 16));

    if (!isRoot()) {
      if (!(await hasCluster(inside)) && (await hasCluster(elsewhere)))
        log(
          'warn',
          `The database that root created for ${root} is in ${elsewhere}; ` +
            `for an ordinary user, a new one is created in ${inside}`,
        );
      return { home: await createHome(inside, null), owner: null };
    }

    const serviceUser = await getServiceUser();
    const away = !(await hasCluster(inside)) && ((await hasCluster(elsewhere)) || !(await canReach(root, serviceUser)));
    const home = away ? elsewhere : inside;
    if (away) {
      await mkdir(ELSEWHERE, { recursive: true });
      await chmod(ELSEWHERE, 0o755);
      log('info', `The database is in ${elsewhere}, because its user cannot enter ${root}`);
    }
    const kept = await findOwner(clusterOf(home));
    const owner = kept && kept.uid !== 0 ? kept : serviceUser;
    await createHome(home, owner);
    if (!(await canReach(home, owner)))
      throw new DataDirError(
        `User ${owner.uid}, which runs PostgreSQL for root, cannot enter data directory ${home}: ` +
          'grant it access to the parent directories, or set DATABASE_URL.',
      );
    return { home, owner };
  });
}

async function createHome(home: string, owner: Owner | null): Promise<string> {
  await mkdir(home, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  if (!(await stat(home)).isDirectory())
    throw new DataDirError(
      `${home} is not a directory: choose another data directory with DATA_DIR, or set DATABASE_URL.`,
    );
  // Copied data may belong to root. PostgreSQL requires that its user owns the data and that no other user has access.
  if (owner) await lchown(home, owner.uid, owner.gid);
  const cluster = clusterOf(home);
  const found = await stat(cluster).catch(() => null);
  if (found && owner && found.uid !== owner.uid) await giveTree(cluster, owner);
  if (found && found.mode & 0o077) await chmod(cluster, 0o700);
  return home;
}
