/**
 * Tests of code without I/O: they need no database, no build and no network, and run in seconds. `npm run
 * test:mutation` runs them too.
 */
import { defineConfig } from 'vitest/config';

/**
 * All tests run in this zone, where the local time is never that of UTC: 12:45 or 13:45 hours ahead. A time that is
 * read or written without its zone is wrong here.
 */
process.env.TZ = 'Pacific/Chatham';

/**
 * A unit test has the suffix `.unit.test.ts`. One that needs a database fails in this project, because no server is
 * started for it.
 */
export const unitTests = ['test/**/*.unit.test.ts'];

/**
 * Under mutation testing every test that reaches the change runs again: these tests try thousands of histories, and
 * others notice the same changes.
 */
const underMutation = process.env.STRYKER_MUTATOR_WORKER !== undefined;
const tooSlowForMutation = ['test/jobs/settle/rank.unit.test.ts'];

export default defineConfig({
  resolve: {
    // Without the alias vitest loads graphql twice, once as ESM and once as CommonJS, and every schema is "from another
    // realm".
    alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }],
  },
  test: {
    name: 'unit',
    include: unitTests,
    exclude: underMutation ? tooSlowForMutation : [],
    setupFiles: ['reflect-metadata'],
    // Only a hang takes so long.
    testTimeout: 60_000,
  },
});
