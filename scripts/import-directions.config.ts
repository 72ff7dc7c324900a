/** Runs the test of the import directions alone, without the database that all the others need. */
import { defineConfig } from 'vitest/config';

export default defineConfig({ test: { include: ['test/import-directions.test.ts'] } });
