/** Holds the import lines against the architecture: folders show it, and imports run one way. */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const src = fileURLToPath(new URL('../src', import.meta.url));

/**
 * Who may import what of src; the longest matching path on the left counts. A folder may always import from itself, and
 * everyone from the leaves.
 */
const allowed: Record<string, readonly string[]> = {
  'main.ts': ['cli', 'config.ts'],
  cli: ['accounts', 'config.ts', 'db', 'gateway.ts', 'resembling-settings.ts', 'start'],
  'resembling-settings.ts': [],
  'gateway.ts': ['config.ts', 'secrets.ts', 'accounts', 'db', 'http', 'jobs', 'start', 'upstream'],
  start: ['config.ts', 'db', 'egress', 'http', 'jobs', 'resolvers', 'webhooks'],
  'config.ts': ['origins.ts', 'setting-values.ts'],
  'origins.ts': [],
  'setting-values.ts': [],
  network: [],
  time: [],
  'secrets.ts': [],
  'project-root.ts': [],
  http: ['resolvers', 'accounts', 'jobs', 'upstream/wire', 'webhooks', 'origins.ts'],
  resolvers: ['schema', 'accounts', 'jobs', 'webhooks'],
  schema: [
    'accounts/account.ts',
    'accounts/account-rules.ts',
    'accounts/ports.ts',
    'jobs/job.ts',
    'jobs/input-rules.ts',
    'jobs/timeline.ts',
    'webhooks/webhook.ts',
    'webhooks/endpoints.ts',
  ],
  upstream: ['jobs', 'upstream/wire'],
  'upstream/wire': [],
  'upstream/sandbox': ['upstream/wire'],
  db: ['accounts', 'jobs', 'webhooks'],
  accounts: [],
  egress: ['jobs/public-address.ts'],
  jobs: [],
  webhooks: [],
};

const leaves = ['network', 'time', 'project-root.ts'];

const covers = (path: string, file: string): boolean => file === path || file.startsWith(`${path}/`);

/** The most specific row that speaks of a file. */
const rowOf = (file: string): string | undefined =>
  Object.keys(allowed)
    .filter((path) => covers(path, file))
    .sort((a, b) => b.length - a.length)[0];

function importsOf(file: string): string[] {
  const text = readFileSync(join(src, file), 'utf8');
  const paths = [
    ...text.matchAll(/(?:^|\n)\s*(?:import|export)\b[^;'"]*?['"](\.[^'"]+)['"]|import\(\s*['"](\.[^'"]+)['"]/g),
  ].map((match) => match[1] ?? match[2] ?? '');
  return paths.map((path) => normalize(join(dirname(file), path)));
}

const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));

describe('imports', () => {
  test('there is a row for every file', () => {
    expect(files.filter((file) => !rowOf(file))).toEqual([]);
  });

  test.each(files.map((file) => [file]))('%s imports only what its place allows', (file) => {
    const row = rowOf(file) ?? '';
    const wrong = importsOf(file).filter(
      (path) => ![row, ...leaves].some((may) => covers(may, path)) && !allowed[row]?.some((may) => covers(may, path)),
    );
    expect(wrong).toEqual([]);
  });

  test('run in no circle', () => {
    const edges = new Map(files.map((file) => [file, importsOf(file)]));
    const done = new Set<string>();
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) throw new Error(`a circle: ${[...path.slice(path.indexOf(file)), file].join(' -> ')}`);
      if (done.has(file)) return;
      for (const next of edges.get(file) ?? []) visit(next, [...path, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
  });

  test('of the core are found at all', () => {
    expect(importsOf('jobs/settle.ts')).toContain('jobs/job.ts');
    expect(importsOf('gateway.ts').length).toBeGreaterThan(15);
  });
});
