/** Writes the public schema. With `--check`, it fails if the committed schema differs, and writes nothing. */
import { readFileSync, writeFileSync } from 'node:fs';
import { lexicographicSortSchema, printSchema } from 'graphql';
import { buildGatewaySchema } from '../src/resolvers/build-schema.ts';

const file = new URL('../src/schema/schema.graphql', import.meta.url);
const header = '# Emitted from the classes in this folder by `npm run codegen`; do not edit.\n\n';
const sdl = `${header}${printSchema(lexicographicSortSchema(await buildGatewaySchema()))}\n`;

if (!process.argv.includes('--check')) writeFileSync(file, sdl);
else if (readFileSync(file, 'utf8') !== sdl) {
  console.error('src/schema/schema.graphql is not what the classes say: run `npm run codegen`');
  process.exitCode = 1;
}
