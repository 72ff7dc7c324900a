/** One PostgreSQL server and one migrated template database for the whole run; every test clones the template. */
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { migrateDatabase } from '../../src/db/migrate.ts';
import { startTestServer } from './test-server.ts';

declare module 'vitest' {
  interface ProvidedContext {
    serverUrl: string;
  }
}

export const TEMPLATE = 'template_gateway';

async function createTemplate(serverUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  await client.query(`create database ${TEMPLATE}`);
  await client.end();
  const url = new URL(serverUrl);
  url.pathname = TEMPLATE;
  await migrateDatabase(url.href);
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startTestServer(createTemplate);
  project.provide('serverUrl', server.url);
  return () => server.stop();
}
