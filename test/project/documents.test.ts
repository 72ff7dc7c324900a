/** README and documents: checks links, commands, file names and code blocks against the repository. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSchema, parse, validate } from 'graphql';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (file: string): string => readFileSync(join(root, file), 'utf8');
const isIn = (folder: string) => (file: string) => join(folder, file);

const documents = [
  ...readdirSync(root).filter((file) => file.endsWith('.md')),
  ...readdirSync(join(root, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map(isIn('docs')),
];

/** Returns the anchors that GitHub generates: lower case, without punctuation, with hyphens for spaces. */
const anchorsOf = (text: string): string[] =>
  [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );

interface Block {
  readonly language: string;
  readonly code: string;
}

const blocksOf = (text: string): Block[] =>
  [...text.matchAll(/^ *```(\w+)\n([\s\S]*?)^ *```$/gm)].map(([, language = '', code = '']) => ({ language, code }));

const withoutBlocks = (text: string): string => text.replaceAll(/^ *```[\s\S]*?^ *```$/gm, '');

const blocks = documents.flatMap((document) =>
  blocksOf(read(document)).map((block, index) => ({ name: `${document}, block ${index + 1}`, document, ...block })),
);

describe.each(documents)('%s', (document) => {
  const text = read(document);

  test('links to pages and headings that exist', () => {
    const broken = [...withoutBlocks(text).matchAll(/\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)/g)].filter(
      ([, path = '', anchor]) => {
        const target = path === '' ? document : normalize(join(dirname(document), path));
        if (!existsSync(join(root, target))) return true;
        return anchor !== undefined && target.endsWith('.md') && !anchorsOf(read(target)).includes(anchor);
      },
    );
    expect(broken.map(([link]) => link)).toEqual([]);
  });

  test('names files and commands that exist', () => {
    const files = new Set(
      readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' }).map((file) => file.split('/').at(-1)),
    );
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const isMissing = (name: string): boolean => {
      if (/^[\w.-]+\.test\.ts$/.test(name)) return !files.has(name);
      if (/^(src|test|docs|scripts|bench|web|migrations|verification)\/[\w./-]*$/.test(name))
        return !existsSync(join(root, name));
      const script = /^npm run ([\w:]+)(?: |$)/.exec(name)?.[1];
      return script !== undefined && script !== 'prove:' && scripts[script] === undefined;
    };
    // Names in the changelog existed at the time of their entry.
    const names = document === 'CHANGELOG.md' ? [] : [...text.matchAll(/`([^`\n]+)`/g)].map(([, name = '']) => name);
    expect(names.filter(isMissing)).toEqual([]);
  });
});

describe('code blocks', () => {
  const schema = buildSchema(read('src/schema/schema.graphql'));
  const of = (...languages: string[]) => blocks.filter(({ language }) => languages.includes(language));

  test.each(of('graphql'))('$name is valid against the schema', ({ code }) => {
    expect(validate(schema, parse(code)).map(({ message }) => message)).toEqual([]);
  });

  test.each(of('json'))('$name is valid JSON', ({ code }) => {
    expect(() => JSON.parse(code) as unknown).not.toThrow();
  });

  test.each(of('sh'))('$name is a valid script whose commands and settings exist', ({ code }) => {
    execFileSync('bash', ['-n'], { input: code });
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
    const settings = read('docs/settings.md');
    const unknown = [
      ...[...code.matchAll(/npm run ([\w:]+)/g)].filter(([, name = '']) => scripts[name] === undefined),
      ...[...code.matchAll(/(?<!\S)([A-Z_]{4,})=/g)].filter(
        ([, name]) => name !== 'NODE_ENV' && !settings.includes(`\`${name}\``),
      ),
    ];
    expect(unknown.map(([what]) => what)).toEqual([]);
  });

  test('in TypeScript pass the type check, and those in JavaScript parse', () => {
    const virtual = new Map(
      of('ts', 'js').map(({ document, language, code }, index) => [
        join(root, `${document}.${index}.m${language}`),
        code,
      ]),
    );
    const options: ts.CompilerOptions = {
      strict: true,
      noEmit: true,
      skipLibCheck: true,
      allowJs: true,
      module: ts.ModuleKind.NodeNext,
      target: ts.ScriptTarget.ES2023,
      types: ['node'],
    };
    const host = ts.createCompilerHost(options);
    const { getSourceFile, fileExists, readFile } = host;
    host.fileExists = (file) => virtual.has(file) || fileExists(file);
    host.readFile = (file) => virtual.get(file) ?? readFile(file);
    host.getSourceFile = (file, target, ...rest) => {
      const code = virtual.get(file);
      return code === undefined ? getSourceFile(file, target, ...rest) : ts.createSourceFile(file, code, target, true);
    };
    const program = ts.createProgram([...virtual.keys()], options, host);
    const found = [...virtual.keys()].flatMap((file) => {
      const source = program.getSourceFile(file);
      const semantic = file.endsWith('.mts') ? program.getSemanticDiagnostics(source) : [];
      return [...program.getSyntacticDiagnostics(source), ...semantic];
    });
    expect(found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'))).toEqual([]);
    expect(virtual.size).toBeGreaterThan(3);
  });
});

test('the README is shorter than 8 KB', () => {
  expect(statSync(join(root, 'README.md')).size).toBeLessThan(8_000);
});
