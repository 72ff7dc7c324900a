/**
 * The import rules: folders show the architecture, and imports run one way. `npm run check` holds every import of `src`
 * against them; docs/architecture.md has the picture.
 */

/** Imported by everyone; they import other leaves only. */
const leaves = ['concurrency', 'network', 'time', 'project-root.ts', 'transaction.ts'];

/** What each folder or file may import besides itself and the leaves. */
const allowed = {
  'main.ts': ['cli', 'config.ts'],
  cli: ['accounts', 'compose', 'config.ts', 'db', 'gateway.ts', 'settings'],
  'gateway.ts': ['accounts', 'compose', 'config.ts', 'db', 'http', 'jobs', 'secrets.ts', 'upstream'],
  compose: ['config.ts', 'db', 'egress', 'http', 'jobs', 'resolvers', 'webhooks'],
  'config.ts': ['settings'],
  'secrets.ts': [],
  settings: [],
  http: ['accounts', 'jobs', 'resolvers', 'settings', 'upstream/acedata/wire', 'webhooks'],
  resolvers: ['accounts', 'jobs', 'schema', 'webhooks'],
  schema: ['accounts', 'jobs/accept', 'jobs/model', 'webhooks'],
  db: ['accounts', 'jobs', 'webhooks'],
  upstream: ['jobs/model', 'jobs/ports'],
  accounts: [],
  jobs: [],
  webhooks: [],
  egress: [],
};

const pattern = (names) => `^src/(${names.map((name) => name.replaceAll('.', '\\.')).join('|')})(/|$)`;

const one = (from, to) => ({
  name: `${from} imports what it may`,
  comment: to.length > 0 ? `It may import ${to.join(', ')} and the leaves.` : 'It may import the leaves only.',
  severity: 'error',
  from: { path: pattern([from]) },
  to: { path: '^src/', pathNot: pattern([from, ...to, ...leaves]) },
});

export default {
  forbidden: [
    { name: 'no circle', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'every file has a rule',
      comment: 'A new folder of src needs a row in .dependency-cruiser.mjs.',
      severity: 'error',
      from: { path: '^src/', pathNot: pattern([...Object.keys(allowed), ...leaves]) },
      to: {},
    },
    ...Object.entries(allowed).map(([from, to]) => one(from, to)),
  ],
  options: {
    includeOnly: '^src/',
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: ['.ts'] },
  },
};
