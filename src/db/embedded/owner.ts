/**
 * Whom the server runs as. PostgreSQL refuses root, so root lends it to another user, who must own and reach its files.
 */
import { lchown, lstat, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { EmbeddedServerError } from './errors.ts';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export const isRoot = (): boolean => process.getuid?.() === 0;

/** The user that root lends a new server to: `postgres`, else `nobody`. */
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
 * Whether the permission bits let the user pass all the way into `path`, symbolic links resolved. Null: ourselves, for
 * whom nothing is in the way.
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
 * Gives a path, and all below it, to the owner; never what a symbolic link points to, since root does this in a
 * directory of others. Null: leave it.
 */
export async function giveTree(path: string, owner: Owner | null): Promise<void> {
  if (!owner) return;
  await lchown(path, owner.uid, owner.gid);
  if (!(await lstat(path)).isDirectory()) return;
  for (const entry of await readdir(path, { withFileTypes: true, recursive: true })) {
    await lchown(join(entry.parentPath, entry.name), owner.uid, owner.gid);
  }
}

/** Who owns a path; null when it does not exist. */
export async function findOwner(path: string): Promise<Owner | null> {
  const found = await lstat(path).catch(() => null);
  return found && { uid: found.uid, gid: found.gid };
}
