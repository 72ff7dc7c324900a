/** Programs of proofs and tests, bundled so that their processes start as fast as the gateway does. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from '../../scripts/bundle.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const DAY_MS = 86_400_000;

const made = new Map<string, Promise<string>>();

/**
 * Builds the program whose entry point is `entry`, a TypeScript file below `root`, and resolves with its path. A
 * process builds each program once. The output is below `node_modules`, where it finds the packages, and every user can
 * read it. It is removed when the process exits; the output of a process that was killed is removed after a day.
 */
export function programOf(entry: string, root: string = ROOT): Promise<string> {
  const key = join(root, entry);
  const program = made.get(key) ?? makeProgram(entry, root);
  made.set(key, program);
  return program;
}

async function makeProgram(entry: string, root: string): Promise<string> {
  const name = basename(entry, '.ts');
  const cache = join(root, 'node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  removeOld(cache, `${name}-`);
  const outdir = mkdtempSync(join(cache, `${name}-`));
  chmodSync(outdir, 0o755);
  process.once('exit', () => rmSync(outdir, { recursive: true, force: true }));
  await bundle({ root, entry, outdir });
  return join(outdir, `${name}.js`);
}

function removeOld(folder: string, prefix: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (name.startsWith(prefix) && stats && stats.mtimeMs < Date.now() - DAY_MS)
      rmSync(path, { recursive: true, force: true });
  }
}
