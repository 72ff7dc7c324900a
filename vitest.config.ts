import { defineConfig } from 'vitest/config';
import ClosingLine from './test/support/closing-line.ts';
import { unitTests } from './vitest.unit.config.ts';

export default defineConfig({
  resolve: {
    // Without the alias vitest loads graphql twice, once as ESM and once as CommonJS, and every schema is "from another
    // realm".
    alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }],
  },
  test: {
    // Files wait for servers and clocks more than they compute.
    maxWorkers: 4,
    reporters: ['default', new ClosingLine()],
    projects: [
      'vitest.unit.config.ts',
      {
        extends: true,
        test: {
          name: 'integration',
          // A worker loads the gateway once and not for each of its files. Nothing is shared by it: what has a state is
          // made by its test.
          isolate: false,
          include: ['test/**/*.test.ts'],
          exclude: unitTests,
          globalSetup: ['test/support/global-setup.ts'],
          setupFiles: ['reflect-metadata'],
          // What hangs is found all the same; what is only slow, on a machine with other work, is no failure.
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // What is waited for comes sooner or later; on a busy machine later than vitest's 1 s.
          expect: { poll: { timeout: 60_000, interval: 20 } },
        },
      },
    ],
  },
});
