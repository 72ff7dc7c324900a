/**
 * Bundles a program with esbuild: the project's TypeScript and its packages in a few files. A process that loads 1,500
 * files of packages one by one takes more than twice the CPU time until it is ready. Types are not checked here; `npm
 * run check` does that.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { decode, encode } from '@jridgewell/sourcemap-codec';
import { build } from 'esbuild';

/**
 * The packages that are not bundled: `pg`, because the kill points of the proofs wrap it, and packages that others load
 * only if they are installed. The binaries of PostgreSQL are in their own package, where the program finds them at run
 * time.
 */
const EXTERNAL = ['pg', 'pg-native', 'class-validator'];

/** CommonJS packages call `require` for the built-in modules of Node.js. */
const REQUIRE =
  "import { createRequire as createRequireOfBundle } from 'node:module'; const require = createRequireOfBundle(import.meta.url);";

/**
 * Reduces a source map to one position for each line of the project's own code. With the full map, Node.js decodes half
 * a million positions when the first error is logged, which blocks its event loop for 0.4 s.
 */
function slim({ mappings, sources }, isOwn) {
  const own = sources.filter(isOwn);
  let isMapped = false;
  const lines = decode(mappings).map(([first]) => {
    if (first === undefined || first.length === 1) return [];
    const [column, source, line, sourceColumn] = first;
    if (isOwn(sources[source])) {
      isMapped = true;
      return [[column, own.indexOf(sources[source]), line, sourceColumn]];
    }
    // A position without a source ends the mapped code.
    const end = isMapped ? [[column]] : [];
    isMapped = false;
    return end;
  });
  return { version: 3, sources: own, names: [], mappings: encode(lines) };
}

/** `root` must contain the `tsconfig.json` of the sources. Existing files in `outdir` are kept. */
export async function bundle({ root, entry, outdir }) {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [entry],
    outdir,
    bundle: true,
    // Code that only one command needs is in a chunk that only that command loads.
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    external: EXTERNAL,
    tsconfig: join(root, 'tsconfig.json'),
    banner: { js: REQUIRE },
    // type-graphql takes the names of types from the names of classes.
    keepNames: true,
    sourcemap: true,
    sourcesContent: false,
    legalComments: 'external',
    metafile: true,
    logLevel: 'warning',
  });
  for (const path of Object.keys(metafile.outputs).filter((name) => name.endsWith('.map'))) {
    const file = join(root, path);
    const isOwn = (source) => !/^(\.\.|node_modules)[\\/]/.test(relative(root, resolve(dirname(file), source)));
    await writeFile(file, JSON.stringify(slim(JSON.parse(await readFile(file, 'utf8')), isOwn)));
  }
}
