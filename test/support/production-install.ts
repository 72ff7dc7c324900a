/**
 * A copy of the project as `npm ci --omit=dev` leaves it next to a `dist` that was built before, without development
 * packages or sources.
 */
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));

interface Lock {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly devOptional?: boolean }>>;
}

/** Creates hard links if possible, because the packages are large and nothing writes to them. */
function placeTree(from: string, to: string): void {
  mkdirSync(to, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    // Nested packages have their own entries in the lock file.
    if (entry.name === 'node_modules') continue;
    if (entry.isDirectory()) placeTree(source, target);
    else if (entry.isSymbolicLink()) cpSync(source, target, { verbatimSymlinks: true });
    else placeFile(source, target);
  }
}

function placeFile(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}

/**
 * Creates the copy; returns its folder, which the caller removes, and the packages of the lock file that it contains.
 */
export function installForProduction(): { readonly folder: string; readonly packages: readonly string[] } {
  const folder = mkdtempSync(join(tmpdir(), 'motion-gateway-'));
  // If the tests run as root, PostgreSQL runs as another user, which must be able to enter the folder.
  chmodSync(folder, 0o755);
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as Lock;
  const packages = Object.entries(lock.packages)
    .filter(([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional && existsSync(join(root, path)))
    .map(([path]) => path);
  for (const path of packages) placeTree(join(root, path), join(folder, path));
  for (const name of ['dist', 'migrations', 'assets', 'scripts'])
    cpSync(join(root, name), join(folder, name), { recursive: true, preserveTimestamps: true });
  for (const name of ['package.json', 'package-lock.json'])
    cpSync(join(root, name), join(folder, name), { preserveTimestamps: true });
  return { folder, packages };
}

/** Links the main program, as npm does to make a package's program executable. */
export function linkProgram(folder: string): string {
  const program = join(folder, 'motion-gateway');
  symlinkSync(join(folder, 'dist/main.js'), program);
  return program;
}

export const writeEnvFile = (folder: string, lines: readonly string[]): void =>
  writeFileSync(join(folder, '.env'), `${lines.join('\n')}\n`);
