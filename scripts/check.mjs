/**
 * Runs all checks that do not need a running gateway, in parallel, one for each core. Prints one line for each check,
 * and the whole output of a check that fails. Caches are in `node_modules/.cache`. ESLint's cache identifies a file by
 * its own text, so a rule that uses types of other files may report a problem only without the cache.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

async function run(command, ...args) {
  const program = command === 'node' ? process.execPath : join(root, 'node_modules/.bin', command);
  const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(output);
  return output;
}

/**
 * Checks that the migrations match the tables, by generating migrations into a copy. The committed files are not
 * changed.
 */
async function migrationsMatchTables() {
  // The copy is inside the project, because drizzle-kit treats every path as a relative one.
  const copy = 'node_modules/.cache/migrations';
  try {
    cpSync(join(root, 'migrations'), join(root, copy), { recursive: true });
    // Its exit code is 0 even if it needed to ask whether a column was renamed and could not get an answer.
    const said = await run(
      'drizzle-kit',
      'generate',
      '--dialect',
      'postgresql',
      '--schema',
      './src/db/tables/*.ts',
      '--out',
      copy,
    );
    if (!said.includes('No schema changes'))
      throw new Error('src/db/tables has changed without a migration: run `npm run db:generate`');
    await run('drizzle-kit', 'check', '--dialect', 'postgresql', '--out', copy);
  } finally {
    rmSync(join(root, copy), { recursive: true, force: true });
  }
}

/**
 * Checks that every package with an install script is listed in `allowScripts` of package.json, allowed or denied. No dependency may download anything from outside the registry during
 * its installation.
 */
function installScriptsAreReviewed() {
  const read = (file) => JSON.parse(readFileSync(join(root, file), 'utf8'));
  const { allowScripts } = read('package.json');
  const unknown = Object.entries(read('package-lock.json').packages)
    .filter(([path, { hasInstallScript }]) => path !== '' && hasInstallScript)
    .map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length))
    .filter((name) => !(name in allowScripts));
  if (unknown.length > 0)
    throw new Error(
      `packages with install scripts that package.json does not list in allowScripts: ${unknown.join(', ')}`,
    );
}

const cache = (name) => join('node_modules/.cache', name);

/** The slowest checks come first. */
const checks = {
  lint: () =>
    run(
      'eslint',
      '.',
      '--max-warnings',
      '0',
      '--cache',
      '--cache-strategy',
      'content',
      '--cache-location',
      cache('eslint/'),
    ),
  types: () =>
    run('tsc', '--noEmit', '-p', '.', '--incremental', '--tsBuildInfoFile', cache('tsc/project.tsbuildinfo')),
  'types of the playground': () => run('tsc', '--noEmit', '-p', 'web/playground'),
  'generated documents': () => run('graphql-codegen', '--config', 'codegen.ts', '--check'),
  'unused code': () => run('knip'),
  migrations: migrationsMatchTables,
  'schema.graphql': () => run('tsx', 'scripts/emit-schema.ts', '--check'),
  'docs/settings.md': () => run('tsx', 'scripts/emit-settings.ts', '--check'),
  'docs/architecture.md': () => run('node', 'scripts/draw-imports.mjs', '--check'),
  'import rules': () => run('depcruise', '--config', '.dependency-cruiser.mjs', 'src'),
  format: () =>
    run('prettier', '--check', '--log-level', 'warn', '--cache', '--cache-location', cache('prettier/cache'), '.'),
  'install scripts': installScriptsAreReviewed,
};

let passed = 0;
let failed = 0;
const waiting = Object.entries(checks);

async function runChecks() {
  for (let next = waiting.shift(); next; next = waiting.shift()) {
    const [name, check] = next;
    const from = performance.now();
    try {
      await check();
      passed += 1;
      console.log(`ok      ${name} (${((performance.now() - from) / 1000).toFixed(1)} s)`);
    } catch (error) {
      failed += 1;
      console.log(`FAILED  ${name}\n${error.message}`);
    }
  }
}

await Promise.all(Array.from({ length: Math.max(1, availableParallelism()) }, runChecks));
console.log(`check: ${passed} passed, ${failed} failed`);
process.exitCode = failed > 0 ? 1 : 0;
