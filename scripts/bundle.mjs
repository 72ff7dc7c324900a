/**
 * Bundles a program with esbuild: the project's TypeScript and its packages in a few files. A process that loads 1,500 files of packages one by one takes
 * more than twice the CPU time until it is ready. Types are not checked here; `npm run check` does that.
 */
import { join } from 'node:path';
import { build } from 'esbuild';

/**
 * Left to Node.js: `pg`, so that tests can put themselves between the program and its database; and what packages load only if it is installed.
 * The binaries of PostgreSQL are found by their package, at run time.
 */
const EXTERNAL = ['pg', 'pg-native', 'class-validator'];

/** Packages in CommonJS call `require` for what is built into Node.js. */
const REQUIRE = "import { createRequire as createRequireOfBundle } from 'node:module'; const require = createRequireOfBundle(import.meta.url);";

/** `root` has the `tsconfig.json` of the sources. What is written in `outdir` before stays there. */
export async function bundle({ root, entry, outdir }) {
  await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outdir,
    bundle: true,
    // What only one command needs is loaded by that command alone.
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    external: EXTERNAL,
    tsconfig: join(root, 'tsconfig.json'),
    banner: { js: REQUIRE },
    // Classes are the types of the schema by their names.
    keepNames: true,
    sourcemap: true,
    sourcesContent: false,
    legalComments: 'external',
    logLevel: 'warning',
  });
}
