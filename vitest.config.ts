import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: {
    // Without the alias vitest loads graphql twice, once as ESM and once as CommonJS, and every schema is "from another realm".
    alias: [{ find: /^graphql$/, replacement: 'graphql/index.js' }],
  },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    setupFiles: ['reflect-metadata'],
    testTimeout: 20_000,
    hookTimeout: 30_000,
  },
});
