/**
 * The user that the server runs as. PostgreSQL refuses to run as root, so root starts it as another user. That user
 * must own its files and be able to reach them.
 */
import { lchown, lstat, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { EmbeddedServerError } from './errors.ts';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export const isRoot = (): boolean => process.getuid?.() === 0;

/** Returns the user that root runs a new server as: `postgres` or `_postgres`, or else `nobody`. */
export async function getServiceUser(): Promise<Owner> {
  const users = new Map<string, Owner>();
  for (const line of (await readFile('/etc/passwd', 'utf8').catch(() => '')).split('\n')) {
    const [name = '', , uid, gid] = line.split(':');
    if (Number(uid) > 0 && Number(gid) >= 0) users.set(name, { uid: Number(uid), gid: Number(gid) });
  }
  const found = users.get('postgres') ?? users.get('_postgres') ?? users.get('nobody');
  if (!found)
    throw new EmbeddedServerError(
      'PostgreSQL refuses to run as root, and there is no user `postgres` or `nobody` to run it as: start as an ordinary user, or set DATABASE_URL.',
    );
  return found;
}

/**
 * Checks whether the permission bits let the user enter `path` and every directory above it, with symbolic links
 * resolved. A null owner is the current user, for whom the result is always true.
 */
export async function canReach(path: string, owner: Owner | null): Promise<boolean> {
  if (!owner) return true;
  for (let at = await realpath(path); ; at = dirname(at)) {
    const { mode, uid, gid } = await stat(at);
    const shift = uid === owner.uid ? 6 : gid === owner.gid ? 3 : 0;
    if (!((mode >> shift) & 0o1)) return false;
    if (at === dirname(at)) return true;
  }
}

/**
 * Gives a path and everything below it to the owner. Never changes the target of a symbolic link, because root does
 * this in a directory that belongs to another user. Does nothing if the owner is null.
 */
export async function giveTree(path: string, owner: Owner | null): Promise<void> {
  if (!owner) return;
  await lchown(path, owner.uid, owner.gid);
  if (!(await lstat(path)).isDirectory()) return;
  for (const entry of await readdir(path, { withFileTypes: true, recursive: true })) {
    await lchown(join(entry.parentPath, entry.name), owner.uid, owner.gid);
  }
}

/** Returns the owner of a path; null if the path does not exist. */
export async function findOwner(path: string): Promise<Owner | null> {
  const found = await lstat(path).catch(() => null);
  return found && { uid: found.uid, gid: found.gid };
}
