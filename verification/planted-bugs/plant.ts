/** Plants a bug: copies the program, edits some of its sources, and builds the copy. */
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle } from '../../scripts/bundle.mjs';
import type { Edit } from './planted-bug.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Below `node_modules`, so that the copy finds the packages. */
const COPIES = join(ROOT, 'node_modules/.cache/plantedBugs');

/** The project's own build. */
export const HEALTHY_DIST = join(ROOT, 'dist');

/**
 * Returns the edited files by path. Throws if `find` does not occur exactly once in its file, because a bug that can no
 * longer be planted proves nothing.
 */
export function applyEdits(edits: readonly Edit[]): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const { file, find, replace } of edits) {
    const text = texts.get(file) ?? readFileSync(join(ROOT, file), 'utf8');
    const found = text.split(find).length - 1;
    if (found !== 1) throw new Error(`${file} has ${found} times, and not once: ${find}`);
    texts.set(
      file,
      text.replace(find, () => replace),
    );
  }
  return texts;
}

/**
 * Plants the edits, and returns the folder of the copy's build. Its migrations are beside that folder, where the
 * program looks for them.
 */
export async function plant(name: string, edits: readonly Edit[]): Promise<string> {
  const copy = join(COPIES, name);
  rmSync(copy, { recursive: true, force: true });
  for (const folder of ['src', 'migrations']) cpSync(join(ROOT, folder), join(copy, folder), { recursive: true });
  for (const file of ['tsconfig.json', 'verification/harness/dispatcher-process.ts'])
    cpSync(join(ROOT, file), join(copy, file));
  writeFileSync(join(copy, 'package.json'), '{ "type": "module" }\n');
  for (const [file, text] of applyEdits(edits)) writeFileSync(join(copy, file), text);
  await bundle({ root: copy, entry: 'src/main.ts', outdir: 'dist' });
  return join(copy, 'dist');
}
