/** `motion-gateway` in a production install: every command, its options and its exit codes. */
import { execFile } from 'node:child_process';
import { readFileSync, rmSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import {
  buildClientSchema,
  buildSchema,
  getIntrospectionQuery,
  lexicographicSortSchema,
  printSchema,
  type GraphQLSchema,
  type IntrospectionQuery,
} from 'graphql';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { startEmbeddedServer } from '../../src/db/embedded/server.ts';
import { createDatabase } from '../support/database.ts';
import { createFolder } from '../support/folder.ts';
import { startProcess } from '../support/process.ts';
import { installForProduction, linkProgram, writeEnvFile } from '../support/production-install.ts';
import { runCommand } from '../support/script.ts';

const COMMANDS = ['start', 'admin', 'gate', 'migrate', 'check-config'];

describe('the command line', () => {
  test('prints the help of the program and of each command, and the version', async () => {
    const { code, stdout } = await runCommand('', {}, ['--help']);
    expect(code).toBe(0);
    for (const name of COMMANDS) expect(stdout).toContain(`  ${name} `);
    expect(await runCommand('', {}, ['--version'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string,
    });
    for (const name of COMMANDS)
      expect(await runCommand(name, {}, ['--help']), name).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(new RegExp(`^Usage: motion-gateway ${name}[^]*--json`)) as string,
      });
  });

  test.each([
    ['an unknown command', 'stop', [], /^There is no command stop\./],
    ['a name that is an inherited property', 'constructor', [], /^There is no command constructor\./],
    [
      'an unknown option',
      'admin',
      ['accounts', 'list', '--all'],
      /Unknown option '--all'[^]*Usage: motion-gateway admin/,
    ],
    ['an option without its value', 'admin', ['accounts', 'create', '--name'], /--name[^]*Usage: motion-gateway admin/],
    ['an extra argument', 'gate', ['status', 'now'], /^Usage: motion-gateway gate/],
    ['a missing argument', 'admin', ['keys', 'revoke', 'default'], /^Usage: motion-gateway admin/],
    ['an argument for a command that takes none', 'migrate', ['now'], /^Usage: motion-gateway migrate/],
  ])('%s exits with code 2', async (_what, name, args, output) => {
    expect(await runCommand(name, {}, args)).toMatchObject({
      code: 2,
      stdout: '',
      output: expect.stringMatching(output) as string,
    });
  });

  test('check-config reports every problem, and names that may be misspelled', async () => {
    expect(await runCommand('check-config', { PORT: 'x', TRUST_PROXY: 'nope' })).toMatchObject({
      code: 1,
      stdout:
        'PORT: expected an integer from 0 to 65535\nTRUST_PROXY: expected addresses or networks, comma separated\n',
    });
    const { code, stdout } = await runCommand('check-config', { CORS_ORIGIN: 'http://localhost' }, ['--json']);
    expect([code, JSON.parse(stdout)]).toEqual([
      0,
      {
        valid: true,
        problems: [],
        warnings: ['CORS_ORIGIN is not a setting and is ignored: did you mean CORS_ORIGINS?'],
      },
    ]);
  });
});

describe('the settings file', () => {
  test('is read from the working directory, and the environment overrides it', async () => {
    const folder = await createFolder();
    writeEnvFile(folder, ['# a comment', 'PORT=x', 'LOG_LEVEL="loud"', "HOST='a b'"]);
    const run = (env: Record<string, string>) =>
      runCommand('check-config', { ENV_FILE: '', ...env }, [], { cwd: folder });
    expect((await run({})).stdout.match(/^\w+:/gm)).toEqual(['HOST:', 'PORT:', 'LOG_LEVEL:']);
    expect((await run({ PORT: '0', HOST: '' })).stdout.match(/^\w+:/gm)).toEqual(['LOG_LEVEL:']);
    expect((await run({ ENV_FILE: 'off' })).code).toBe(0);
    expect(await run({ ENV_FILE: 'elsewhere.env' })).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^ENV_FILE: expected a readable file/) as string,
    });
  });

  test('may begin with a byte order mark', async () => {
    const folder = await createFolder();
    writeEnvFile(folder, ['\ufeffPORT=x', 'LOG_LEVEL=loud']);
    const run = (env: Record<string, string>) =>
      runCommand('check-config', { ENV_FILE: '', ...env }, [], { cwd: folder });
    expect((await run({})).stdout.match(/^\w+:/gm)).toEqual(['PORT:', 'LOG_LEVEL:']);
    expect((await run({ PORT: '0' })).stdout.match(/^\w+:/gm)).toEqual(['LOG_LEVEL:']);
  });
});

describe('a production install', () => {
  let folder = '';
  let packages: readonly string[] = [];
  beforeAll(() => {
    ({ folder, packages } = installForProduction());
    return () => rmSync(folder, { recursive: true, force: true });
  });

  test('has no development packages, and the npm lifecycle scripts work without them', async () => {
    for (const name of ['esbuild', 'typescript', 'tsx', 'vite', 'vitest'])
      expect(packages).not.toContain(`node_modules/${name}`);
    const build = (event: string) =>
      new Promise<{ code: number; said: string }>((resolve) => {
        execFile(
          process.execPath,
          [join(folder, 'scripts/build.mjs')],
          { env: { PATH: process.env.PATH, npm_lifecycle_event: event } },
          (error, _out, said) => resolve({ code: error ? Number(error.code) : 0, said }),
        );
      });
    expect(await build('prepare')).toEqual({ code: 0, said: '' });
    // Makes the script newer than the build, as copying with `cp -r` does.
    utimesSync(join(folder, 'scripts/bundle.mjs'), new Date(), new Date());
    expect(await build('prestart')).toEqual({ code: 0, said: '' });
  });

  test('starts the gateway and runs its commands alongside it', { timeout: 120_000 }, async () => {
    const dataDir = await createFolder();
    onTestFinished(async () => (await startEmbeddedServer({ dataDir, log: () => undefined })).stop());
    const main = linkProgram(folder);
    const gateway = startProcess({ DATA_DIR: dataDir }, { cwd: folder, main });
    const { url, apiKey } = await gateway.untilReady();
    const introspection = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` },
      body: JSON.stringify({ query: getIntrospectionQuery({ inputValueDeprecation: true }) }),
    });
    const { data } = (await introspection.json()) as { data: IntrospectionQuery };
    // Types of the schema take their names from classes, which the build may rename.
    const sorted = (schema: GraphQLSchema) => printSchema(lexicographicSortSchema(schema));
    expect(sorted(buildClientSchema(data))).toBe(
      sorted(buildSchema(readFileSync('src/schema/schema.graphql', 'utf8'))),
    );
    const run = (name: string, ...args: string[]) => runCommand(name, { DATA_DIR: dataDir }, args, { main });
    expect(JSON.parse((await run('gate', 'status', '--json')).stdout)).toEqual({
      upstream: 'sandbox',
      state: 'OPEN',
      reason: null,
      pausedForMs: 0,
      probe: null,
    });
    const made = JSON.parse(
      (await run('admin', 'accounts', 'create', '--name', 'Studio', '--quota', '3', '--json')).stdout,
    ) as { account: { id: string; remaining: number }; key: string };
    expect(made).toMatchObject({ account: { remaining: 3 }, key: expect.stringMatching(/^mg_/) as string });
    expect(JSON.parse((await run('admin', 'keys', 'list', made.account.id, '--json')).stdout)).toHaveLength(1);
    expect(await run('migrate')).toMatchObject({
      code: 1,
      output: expect.stringMatching(/is in use by another gateway.*has already migrated its database/) as string,
    });
    gateway.child.kill('SIGTERM');
    expect(await gateway.ended).toBe(0);
    expect(await run('gate', 'status')).toMatchObject({
      code: 1,
      output: expect.stringMatching(/^No gateway is running on /) as string,
    });
    expect(await run('migrate')).toMatchObject({ code: 0, stdout: 'The database is up to date.\n' });
    expect(
      await runCommand('migrate', { DATABASE_URL: await createDatabase('template0') }, ['--json'], { main }),
    ).toMatchObject({ code: 0, stdout: '{"migrated":true}\n' });
  });
});

test('commands report in one line why the database cannot be used', async () => {
  for (const args of [['gate', 'status'], ['admin', 'accounts', 'list'], ['migrate']] as const) {
    const [name, ...rest] = args;
    const { code, output } = await runCommand(name, { DATABASE_URL: 'postgres://a:b@127.0.0.1:1/c' }, rest);
    expect(code, name).toBe(1);
    expect(output, name).toMatch(/^(DATABASE_URL: .*)?.*ECONNREFUSED.*check the host and the port.*\n$/);
  }
});
