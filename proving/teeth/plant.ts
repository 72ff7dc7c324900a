/** Planting: a copy of the built program in which some sources differ. */
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import type { Edit } from './tooth.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** Below `node_modules`, so that the copy finds the packages. */
const COPIES = join(ROOT, 'node_modules/.cache/teeth');

/** The project's own build. */
export const HEALTHY_DIST = join(ROOT, 'dist');

/** The edited files by their path. Throws when `find` does not stand in its file exactly once: a bug that cannot be planted any more proves nothing. */
export function applyEdits(edits: readonly Edit[]): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  for (const { file, find, replace } of edits) {
    const text = texts.get(file) ?? readFileSync(join(ROOT, file), 'utf8');
    const found = text.split(find).length - 1;
    if (found !== 1) throw new Error(`${file} has ${found} times, and not once: ${find}`);
    texts.set(file, text.replace(find, () => replace));
  }
  return texts;
}

/** Returns the folder of the copy's build. It finds its migrations where the program looks for them: beside that folder. */
export function plant(name: string, edits: readonly Edit[]): string {
  const copy = join(COPIES, name);
  rmSync(copy, { recursive: true, force: true });
  mkdirSync(copy, { recursive: true });
  cpSync(HEALTHY_DIST, join(copy, 'dist'), { recursive: true, filter: (path) => basename(path) !== 'playground' });
  cpSync(join(ROOT, 'migrations'), join(copy, 'migrations'), { recursive: true });
  writeFileSync(join(copy, 'package.json'), '{ "type": "module" }\n');
  for (const [file, text] of applyEdits(edits)) {
    if (file.startsWith('src/')) writeFileSync(join(copy, file.replace(/^src/, 'dist').replace(/\.ts$/, '.js')), transpile(file, text));
    else writeFileSync(join(copy, file), text);
  }
  return join(copy, 'dist');
}

let options: ts.CompilerOptions | undefined;

/** By the project's own options, and without types: a bug need not be well typed. */
function transpile(file: string, text: string): string {
  const { outputText, diagnostics = [] } = ts.transpileModule(text, { fileName: file, reportDiagnostics: true, compilerOptions: (options ??= readOptions()) });
  if (diagnostics.length > 0) throw new Error(ts.formatDiagnostics(diagnostics, { getCanonicalFileName: (name) => name, getCurrentDirectory: () => ROOT, getNewLine: () => '\n' }));
  return outputText;
}

function readOptions(): ts.CompilerOptions {
  const file = join(ROOT, 'tsconfig.json');
  const { compilerOptions } = JSON.parse(readFileSync(file, 'utf8')) as { compilerOptions: unknown };
  // A single file has no package that says what kind of module it is.
  return { ...ts.convertCompilerOptionsFromJson(compilerOptions, dirname(file)).options, noEmit: false, module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler };
}
