/**
 * The messages for an operator about a start that fails. `test/gateway/process.test.ts` tests with real processes that
 * such a message is printed, alone, and that the program exits with code 1.
 */
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pino from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { startGateway } from '../../src/gateway.ts';
import { explainFailure } from '../../src/compose/explain-failure.ts';
import { asAdministrator, createDatabase } from '../support/database.ts';
import { createFolder } from '../support/folder.ts';
import { startProxy } from '../support/proxy.ts';

const API_KEY = 'test-key-0123456789';
const APP_SECRET = 'test-secret-0123456789-0123456789-0123456789';

/** Returns the one line that the program would print. */
async function refusalOf(env: Record<string, string>): Promise<string> {
  const config = loadConfig({ PORT: '0', SANDBOX_PORT: '0', ...env });
  const refused = await startGateway(config, pino({ level: 'silent' })).then(
    (gateway) => gateway.stop(),
    (error: unknown) =>
      explainFailure(error, { host: config.HOST, port: config.PORT, hasDatabaseUrl: config.DATABASE_URL !== null }),
  );
  if (refused === undefined) throw new Error('It has started.');
  expect(refused).not.toContain('\n');
  return refused;
}

describe('a start that fails', () => {
  test('reports that the data directory cannot be written', async () => {
    const file = join(await createFolder(), 'a-file');
    await writeFile(file, '');
    expect(await refusalOf({ DATA_DIR: join(file, 'data') })).toContain(`${file}/data`);
  });

  test.each([
    [
      'the connection is refused',
      'postgres://a:b@127.0.0.1:1/c',
      /^DATABASE_URL: the database cannot be used \(.*ECONNREFUSED/,
    ],
    ['the host name is unknown', 'postgres://a:b@no-such-host.invalid/c', /^DATABASE_URL: the database cannot be used/],
  ])('reports that DATABASE_URL is wrong: %s', async (_name, url, line) => {
    expect(await refusalOf({ DATABASE_URL: url, API_KEY, APP_SECRET })).toMatch(line);
  });

  test.each<[string, (url: URL, role: string) => Promise<unknown>, string, RegExp]>([
    [
      'a role without CREATE',
      async (url, role) => asAdministrator(`create role ${role} login password 'p'`, url.href),
      'template0',
      /permission denied for database test_\w+: make the role the owner of the database/,
    ],
    [
      'an unknown database',
      async (url) => void (url.pathname = 'nothing_here'),
      'template0',
      /database "nothing_here" does not exist: create the database/,
    ],
    [
      'TLS that the server does not support',
      async (url) => void url.searchParams.set('sslmode', 'verify-full'),
      'template0',
      /The server does not support SSL connections: add sslmode=disable/,
    ],
    [
      'tables of another program',
      async (url) => asAdministrator('create table jobs (id int)', url.href),
      'template0',
      /relation "jobs" already exists: the schema public contains tables of another program/,
    ],
    [
      'no password',
      async (url) => void (url.password = ''),
      'template0',
      /password must be a string: add the password to DATABASE_URL/,
    ],
    [
      'a role at its connection limit',
      async (url, role) => asAdministrator(`create role ${role} login password 'p' connection limit 0`, url.href),
      'template0',
      /too many connections for role "role_\w+": lower DATABASE_POOL_SIZE/,
    ],
  ])(
    "reports a problem with the database in PostgreSQL's words and in one line: %s",
    async (_what, prepare, template, line) => {
      const url = new URL(await createDatabase(template));
      const role = `role_${randomBytes(6).toString('hex')}`;
      await prepare(url, role);
      const [{ exists }] = (await asAdministrator<{ exists: boolean }>(
        `select exists (select from pg_roles where rolname = '${role}')`,
      )) as [{ exists: boolean }];
      if (exists) {
        onTestFinished(async () => void (await asAdministrator(`drop role ${role}`)));
        Object.assign(url, { username: role, password: 'p' });
      }
      const message = await refusalOf({ DATABASE_URL: url.href, API_KEY, APP_SECRET });
      expect(message).toMatch(/^DATABASE_URL: the database cannot be used \(.*\)\.$/);
      expect(message).toMatch(line);
      expect(message).not.toMatch(/create schema|select|insert/i);
    },
  );

  test('reports that the encoding of the database cannot represent all text', async () => {
    const url = new URL(await createDatabase('template0'));
    const name = `latin_${randomBytes(6).toString('hex')}`;
    await asAdministrator(`create database ${name} template template0 encoding 'LATIN1'`);
    onTestFinished(async () => void (await asAdministrator(`drop database ${name} with (force)`)));
    url.pathname = name;
    expect(await refusalOf({ DATABASE_URL: url.href, API_KEY, APP_SECRET })).toMatch(
      /the encoding of the database is LATIN1, and the gateway requires UTF8/,
    );
  });

  test('leaves no connection open that would wait a minute for the rest of its handshake', async () => {
    const proxy = await startProxy(await createDatabase());
    const url = new URL(proxy.url);
    url.password = '';
    expect(await refusalOf({ DATABASE_URL: url.href, API_KEY, APP_SECRET })).toMatch(
      /add the password to DATABASE_URL/,
    );
    const countOpen = () => {
      let open = 0;
      proxy.breakOpen(() => {
        open += 1;
        return false;
      });
      return open;
    };
    await expect.poll(countOpen, { timeout: 3_000 }).toBe(0);
  });
});
