/**
 * The import rules: folders show the architecture, and imports run one way. `npm run check` holds every import of `src`
 * against them; docs/architecture.md has the picture.
 */

/** Imported by everyone; they import other leaves only. */
const leaves = ['concurrency', 'errors.ts', 'log.ts', 'network', 'project-root.ts', 'time', 'transaction.ts'];

/** What each folder or file may import besides itself and the leaves. */
const allowed = {
  'main.ts': ['cli', 'config.ts'],
  cli: ['accounts', 'compose', 'config.ts', 'db', 'gateway.ts', 'settings'],
  'gateway.ts': ['compose', 'config.ts', 'db', 'http', 'secrets.ts'],
  compose: ['accounts', 'config.ts', 'db', 'egress', 'http', 'jobs', 'resolvers', 'secrets.ts', 'upstream', 'webhooks'],
  'config.ts': ['settings'],
  'secrets.ts': [],
  settings: [],
  http: ['accounts', 'jobs', 'resolvers', 'settings', 'upstream/acedata/wire', 'webhooks'],
  resolvers: ['accounts', 'jobs', 'schema', 'webhooks'],
  schema: ['accounts', 'jobs/accept', 'jobs/model', 'jobs/read', 'webhooks'],
  db: ['accounts', 'jobs', 'webhooks'],
  upstream: ['jobs/model', 'jobs/ports'],
  'upstream/acedata/wire': [],
  'upstream/sandbox': ['upstream/acedata/wire'],
  'db/connection': [],
  'db/tables': ['accounts', 'jobs/model', 'jobs/ports', 'webhooks'],
  'db/sql': ['db/tables'],
  'db/feed': ['db/connection', 'jobs/model', 'jobs/ports'],
  'db/embedded': ['db/connection'],
  'db/jobs': ['db/connection', 'db/feed', 'db/sql', 'db/tables', 'jobs'],
  'db/accounts': ['accounts', 'db/connection', 'db/sql', 'db/tables'],
  'db/webhooks': ['db/connection', 'db/sql', 'db/tables', 'webhooks'],
  accounts: [],
  jobs: [],
  'jobs/model': [],
  'jobs/ports': ['jobs/model'],
  'jobs/accept': ['jobs/model', 'jobs/ports'],
  'jobs/submit': ['jobs/model', 'jobs/ports', 'jobs/settle'],
  'jobs/settle': ['jobs/model', 'jobs/ports'],
  'jobs/reconcile': ['jobs/model', 'jobs/ports', 'jobs/settle'],
  'jobs/watch': ['jobs/model', 'jobs/ports'],
  'jobs/read': ['jobs/model', 'jobs/ports'],
  'jobs/retain': ['jobs/ports'],
  'jobs/rejoin': ['jobs/accept', 'jobs/model', 'jobs/ports'],
  webhooks: [],
  egress: [],
};

/** Folders of one protocol that know nothing of another. */
const apart = {
  'http/graphql': ['http/rest', 'http/websocket'],
  'http/rest': ['http/graphql', 'http/websocket'],
  'http/websocket': ['http/rest'],
  'http/overload': ['http/graphql', 'http/rest', 'http/websocket'],
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
    ...Object.entries(apart).map(([from, to]) => ({
      name: `${from} stands apart from ${to.join(', ')}`,
      severity: 'error',
      from: { path: pattern([from]) },
      to: { path: pattern(to) },
    })),
    {
      name: 'leaves import leaves',
      severity: 'error',
      from: { path: pattern(leaves) },
      to: { path: '^src/', pathNot: pattern(leaves) },
    },
  ],
  options: {
    includeOnly: '^src/',
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { extensions: ['.ts'] },
  },
};
