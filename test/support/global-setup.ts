/**
 * One PostgreSQL server and one template database for the whole run. The template is migrated and has an ordinary key
 * of the account `default`; every test clones it.
 */
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { giveKey } from '../../verification/harness/ordinary-key.ts';
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
  await giveKey(url.href);
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startTestServer(createTemplate);
  project.provide('serverUrl', server.url);
  return () => server.stop();
}
