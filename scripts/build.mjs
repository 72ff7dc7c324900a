/**
 * Builds what has changed since the last build: the server with tsc, the playground with vite. Quick when nothing has, so it
 * runs before every start and test; `--force` builds all. Without the development packages it keeps what is built.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const force = process.argv.includes('--force');
const require = createRequire(import.meta.url);

const targets = [
  {
    name: 'server',
    inputs: ['src', 'tsconfig.json', 'tsconfig.build.json', 'package-lock.json'],
    stamp: 'dist/.built',
    bin: () => join(require.resolve('typescript/package.json'), '../bin/tsc'),
    args: ['-p', 'tsconfig.build.json'],
    before: () => {
      // What a removed source left behind would still be imported.
      for (const name of existsSync(join(root, 'dist')) ? readdirSync(join(root, 'dist')) : []) {
        if (name !== 'playground') rmSync(join(root, 'dist', name), { recursive: true });
      }
    },
  },
  {
    name: 'playground',
    inputs: ['web/playground', 'package-lock.json'],
    stamp: 'dist/playground/.built',
    bin: () => join(require.resolve('vite/package.json'), '../bin/vite.js'),
    args: ['build', '--config', 'web/playground/vite.config.ts', '--logLevel', 'error'],
    before: () => undefined,
  },
];

/** The newest change below a file or folder, ms. */
function changedAt(path) {
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  return Math.max(stats.mtimeMs, ...readdirSync(path).map((name) => changedAt(join(path, name))));
}

const isStale = ({ inputs, stamp }) => {
  const path = join(root, stamp);
  return force || !existsSync(path) || inputs.some((input) => changedAt(join(root, input)) > statSync(path).mtimeMs);
};

async function build({ name, stamp, bin, args, before }) {
  const startedAt = new Date();
  before();
  const child = spawn(process.execPath, [bin(), ...args], { cwd: root, stdio: 'inherit' });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`building the ${name} failed`);
  mkdirSync(join(root, stamp, '..'), { recursive: true });
  writeFileSync(join(root, stamp), `${startedAt.toISOString()}\n`);
  console.log(`built the ${name} in ${((Date.now() - startedAt.getTime()) / 1000).toFixed(1)} s`);
}

const stale = targets.filter(isStale);
if (stale.length > 0 && !existsSync(join(root, 'node_modules/typescript'))) {
  const built = targets.every(({ stamp }) => existsSync(join(root, stamp)));
  if (!built) console.log('Not built: the development packages are not installed. Run `npm install` and `npm run build` where they are.');
} else {
  try {
    await Promise.all(stale.map(build));
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
