/** Programs of proofs and tests, bundled so that their processes start as fast as the gateway does. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from '../../scripts/bundle.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

const made = new Map<string, Promise<string>>();

/**
 * The path of a program that is made of `entry`, a file in TypeScript below `root`: once for each process that asks. It is written below `node_modules`, where
 * it finds the packages, can be read by every user, and is removed when the process ends.
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
  const outdir = mkdtempSync(join(cache, `${name}-`));
  chmodSync(outdir, 0o755);
  process.once('exit', () => rmSync(outdir, { recursive: true, force: true }));
  await bundle({ root, entry, outdir });
  return join(outdir, `${name}.js`);
}
