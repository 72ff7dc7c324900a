/**
 * Builds the targets that have changed since the last build: the server with esbuild, the playground with vite. It is
 * fast if nothing has changed, so it runs before every start and test; `--force` builds everything. Without the
 * development packages, the existing build is kept. It writes only to standard error, because commands that run after
 * it may print JSON.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const force = process.argv.includes('--force');
const require = createRequire(import.meta.url);
/** Whether the development packages are installed. */
const canBuild = existsSync(join(root, 'node_modules/esbuild'));

const targets = [
  {
    name: 'server',
    inputs: ['src', 'scripts/bundle.mjs', 'tsconfig.json', 'package-lock.json'],
    stamp: 'dist/.built',
    async make() {
      const { bundle } = await import('./bundle.mjs');
      // The names of chunks contain hashes, so the files of earlier builds would remain.
      for (const name of existsSync(join(root, 'dist')) ? readdirSync(join(root, 'dist')) : []) {
        if (name !== 'playground') rmSync(join(root, 'dist', name), { recursive: true });
      }
      await bundle({ root, entry: 'src/main.ts', outdir: 'dist' });
    },
  },
  {
    name: 'playground',
    inputs: ['web/playground', 'package-lock.json'],
    stamp: 'dist/playground/.built',
    make: () =>
      run(
        join(require.resolve('vite/package.json'), '../bin/vite.js'),
        'build',
        '--config',
        'web/playground/vite.config.ts',
        '--logLevel',
        'error',
      ),
  },
];

/** Returns the time of the newest change of a file, or below a folder, in ms since the epoch. */
function changedAt(path) {
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  return Math.max(stats.mtimeMs, ...readdirSync(path).map((name) => changedAt(join(path, name))));
}

const startedBy = process.env.npm_lifecycle_event;

const isStale = ({ inputs, stamp }) => {
  const path = join(root, stamp);
  // The bundle contains packages. An install may change them without changing the modification time of any input.
  if (force || !existsSync(path) || (startedBy === 'prepare' && canBuild)) return true;
  // A production install may lack the sources; then there is nothing to compare with.
  return (
    existsSync(join(root, inputs[0])) &&
    inputs.some((input) => existsSync(join(root, input)) && changedAt(join(root, input)) > statSync(path).mtimeMs)
  );
};

async function run(program, ...args) {
  const child = spawn(process.execPath, [program, ...args], { cwd: root, stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`${program} ended with ${code}`);
}

async function build({ name, stamp, make }) {
  const startedAt = new Date();
  await make().catch((error) => {
    throw new Error(`building the ${name} failed: ${error.message}`);
  });
  mkdirSync(join(root, stamp, '..'), { recursive: true });
  writeFileSync(join(root, stamp), `${startedAt.toISOString()}\n`);
  console.error(`built the ${name} in ${((Date.now() - startedAt.getTime()) / 1000).toFixed(1)} s`);
}

const stale = targets.filter(isStale);
if (stale.length > 0 && !canBuild) {
  // In a production install, the build from before the development packages were removed is used as it is.
  const how =
    'Run `npm ci` (with the development packages), then `npm prune --omit=dev`, or copy `dist/` from where it was built.';
  if (targets.some(({ stamp }) => !existsSync(join(root, stamp)))) {
    console.error(`The gateway is not built, and the development packages that build it are not installed. ${how}`);
    // The installation itself does not fail, because `dist/` may be copied later.
    process.exitCode = startedBy === 'prepare' ? 0 : 1;
  } else if (stale.length > 0) {
    console.error(
      `The built gateway is older than its sources, and the development packages that build it are not installed. ${how}`,
    );
  }
} else {
  try {
    if (stale.length > 0) console.error(`building ${stale.map(({ name }) => `the ${name}`).join(' and ')} ...`);
    await Promise.all(stale.map(build));
    // `npx motion-gateway` needs an executable file, and esbuild does not create one.
    if (existsSync(join(root, 'dist/main.js'))) chmodSync(join(root, 'dist/main.js'), 0o755);
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
