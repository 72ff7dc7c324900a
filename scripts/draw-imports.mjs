/**
 * Draws the imports between the folders of `src` into docs/architecture.md. With `--check`, it fails if the drawing is
 * out of date.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const page = join(root, 'docs/architecture.md');
const leaves = new Set(['concurrency', 'errors', 'log', 'network', 'project-root', 'time', 'transaction']);
/** Nodes of the first drawing that are more than one folder below `src`. */
const deeper = ['upstream/acedata', 'upstream/sandbox'];

const { modules } = JSON.parse(
  execFileSync(
    join(root, 'node_modules/.bin/depcruise'),
    ['--config', '.dependency-cruiser.mjs', '--output-type', 'json', 'src'],
    { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  ),
);

const withoutEnd = (name) => name.replace(/\.ts$/, '');

function folderOf(file) {
  const path = file.slice('src/'.length);
  return deeper.find((folder) => path.startsWith(`${folder}/`)) ?? withoutEnd(path.split('/')[0]);
}

function phaseOf(file) {
  const [folder, phase] = file.slice('src/jobs/'.length).split('/');
  return file.startsWith('src/jobs/') ? (phase === undefined ? withoutEnd(folder) : folder) : null;
}

function draw(nodeOf) {
  const edges = new Set();
  for (const { source, dependencies } of modules)
    for (const { resolved } of dependencies) {
      const [from, to] = [nodeOf(source), nodeOf(resolved)];
      if (from !== null && to !== null && from !== to && !leaves.has(from) && !leaves.has(to))
        edges.add(`${from} --> ${to}`);
    }
  return ['```mermaid', 'flowchart TD', ...[...edges].sort().map((edge) => `  ${edge}`), '```'].join('\n');
}

const drawings = { folders: draw(folderOf), jobs: draw(phaseOf) };

const before = readFileSync(page, 'utf8');
const after = before.replace(
  /(<!-- drawn by npm run codegen: (\w+) -->\n).*?(<!-- end -->)/gs,
  (_, begin, name, end) => `${begin}${drawings[name]}\n${end}`,
);
if (process.argv.includes('--check')) {
  if (after !== before)
    throw new Error('docs/architecture.md does not show the imports of today: run `npm run codegen`');
} else writeFileSync(page, after);
