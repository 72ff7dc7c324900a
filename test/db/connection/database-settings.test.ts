/**
 * Settings of the database, of the role and of the environment have no effect: connections and jobs behave the same,
 * whatever their values.
 */
import { randomBytes } from 'node:crypto';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { giveKey } from '../../../verification/harness/ordinary-key.ts';
import { closePool, createConnections } from '../../../src/db/connection/client.ts';
import { migrateDatabase } from '../../../src/db/migrate.ts';
import { SessionClient } from '../../../src/db/connection/session.ts';
import { asAdministrator, createDatabase } from '../../support/database.ts';
import { startGateway } from '../../support/gateway.ts';
import { ALLOW_LOOPBACK, startWebhookReceiver } from '../../support/webhook-receiver.ts';
import { webhooksOf } from '../../support/webhooks.ts';

/**
 * Values that would break something, or change what is read or guaranteed. They apply until the connection overrides
 * them, so those that end a session leave enough time for that on a busy machine.
 */
const adverse: Readonly<Record<string, string>> = {
  DateStyle: 'German',
  TimeZone: 'Asia/Kathmandu',
  IntervalStyle: 'sql_standard',
  bytea_output: 'escape',
  search_path: 'pg_catalog',
  statement_timeout: '1ms',
  lock_timeout: '1ms',
  idle_in_transaction_session_timeout: '1ms',
  idle_session_timeout: '1s',
  transaction_timeout: '1s',
  default_transaction_isolation: 'serializable',
  default_transaction_read_only: 'on',
  default_transaction_deferrable: 'on',
  standard_conforming_strings: 'off',
  extra_float_digits: '-15',
  client_encoding: 'LATIN1',
  quote_all_identifiers: 'on',
  array_nulls: 'off',
  transform_null_equals: 'on',
  exit_on_error: 'on',
  row_security: 'off',
  synchronous_commit: 'off',
};
const names = Object.keys(adverse);

/**
 * The settings that can be combined. On a busy machine, a timeout of 1 ms may cancel the first statement, which is
 * retried unless `exit_on_error` ends the session.
 */
const together = Object.fromEntries(Object.entries(adverse).filter(([name]) => name !== 'exit_on_error'));

type Level = 'database' | 'role';

const subjectOf = (level: Level, url: string): string =>
  level === 'database' ? `database ${new URL(url).pathname.slice(1)}` : `role ${new URL(url).username}`;

async function setAt(level: Level, url: string, settings: Readonly<Record<string, string>>): Promise<void> {
  await asAdministrator(
    Object.entries(settings)
      .map(([name, value]) => `alter ${subjectOf(level, url)} set ${name} = '${value}';`)
      .join('\n'),
  );
}

/** Returns the URL of a new role that has no privilege except to own this database. The end of the test drops it. */
async function giveRole(url: string): Promise<string> {
  const [name, password] = [`role_${randomBytes(6).toString('hex')}`, randomBytes(12).toString('hex')];
  const database = new URL(url).pathname.slice(1);
  await asAdministrator(
    `create role ${name} login password '${password}'; alter database ${database} owner to ${name}`,
  );
  onTestFinished(
    async () =>
      void (await asAdministrator(
        `alter database ${database} owner to current_user; drop owned by ${name} cascade; drop role ${name}`,
      ).catch(() => undefined)),
  );
  return Object.assign(new URL(url), { username: name, password }).href;
}

async function settingsOf(url: string): Promise<Record<string, string>> {
  const connections = createConnections(url, 1, () => undefined);
  try {
    const { rows } = await connections.pool.query<{ name: string; setting: string }>(
      'select name, setting from pg_settings where name = any($1)',
      [names],
    );
    return Object.fromEntries(rows.map(({ name, setting }) => [name, setting]));
  } finally {
    await closePool(connections);
  }
}

describe.each<Level>(['database', 'role'])('settings of the %s', (level) => {
  test('have no effect on connections, individually or combined', async () => {
    const url = await giveRole(await createDatabase('template0'));
    const usual = await settingsOf(url);
    expect(Object.keys(usual).sort()).toEqual([...names].sort());
    expect(usual).toMatchObject({
      DateStyle: 'ISO, MDY',
      TimeZone: 'UTC',
      search_path: 'public',
      statement_timeout: '3000',
      default_transaction_read_only: 'off',
      synchronous_commit: 'on',
    });
    for (const [name, value] of Object.entries(adverse)) {
      await setAt(level, url, { [name]: value });
      expect(await settingsOf(url), name).toEqual(usual);
      await asAdministrator(`alter ${subjectOf(level, url)} reset all`);
    }
    await setAt(level, url, together);
    expect(await settingsOf(url)).toEqual(usual);
  });

  test(
    'have no effect on migrations, jobs, lists, timelines, feeds, quota and webhooks',
    { timeout: 120_000 },
    async () => {
      const url = await giveRole(await createDatabase('template0'));
      await setAt(level, url, together);
      await migrateDatabase(url);
      await giveKey(url);
      const [gateway, receiver] = [
        await startGateway({ DATABASE_URL: url, SANDBOX_SECONDS: '3', ...ALLOW_LOOPBACK }),
        await startWebhookReceiver(),
      ];
      const { client } = gateway;
      const updates = client.socket.iterate<{ jobsUpdated: { job: { id: string; state: string } } }>({
        query: 'subscription { jobsUpdated { job { id state } } }',
      });
      await expect.poll(gateway.live.watchers).toBe(1);
      await webhooksOf(client).create({ url: receiver.url });

      const accepted = await client.request<{ generateMotion: { job: { id: string; createdAt: string } } }>(
        `mutation { generateMotion(input: { imageUrl: "https://cdn.acedata.cloud/a.png", videoUrl: "https://cdn.acedata.cloud/a.mp4", prompt: "Ã¼ber 日本 \\\\ 'quoted'" }) { job { id createdAt } } }`,
      );
      const { id, createdAt } = accepted.data.generateMotion.job;
      expect(Math.abs(Date.now() - Date.parse(createdAt)), createdAt).toBeLessThan(60_000);
      for await (const { data } of updates)
        if (data?.jobsUpdated.job.id === id && data.jobsUpdated.job.state === 'SUCCEEDED') break;
      expect(await client.untilEnd(id)).toMatchObject({
        state: 'SUCCEEDED',
        settledBy: 'CALLBACK',
        video: { durationSeconds: 5.066 },
      });

      const { data } = await client.request<{ motionJobs: { nodes: object[] }; viewer: { account: object } }>(
        `{ motionJobs(first: 5) { nodes { id prompt createdAt completedAt timeline(first: 20) { nodes { type at } } } } viewer { account { quota { used reserved } } } }`,
      );
      expect(data.motionJobs.nodes).toMatchObject([{ id, prompt: "Ã¼ber 日本 \\ 'quoted'", createdAt }]);
      const [{ timeline, completedAt }] = data.motionJobs.nodes as [
        { timeline: { nodes: { type: string; at: string }[] }; completedAt: string },
      ];
      expect(timeline.nodes.map(({ at }) => Date.parse(at))).toEqual(
        timeline.nodes.map(({ at }) => Date.parse(at)).sort((a, b) => a - b),
      );
      expect(Math.abs(Date.parse(completedAt) - Date.parse(createdAt))).toBeLessThan(60_000);
      expect(data.viewer.account).toMatchObject({ quota: { used: 1, reserved: 0 } });
      await expect
        .poll(() => receiver.received.map(({ event }) => [event.type, event.data.job.createdAt]))
        .toEqual([['motion_job.succeeded', createdAt]]);
      expect(gateway.logs.filter(({ level: severity }) => Number(severity) >= 50)).toEqual([]);
    },
  );
});

test('environment variables supply only the address and the credentials that a URL omits', async () => {
  const url = new URL(await createDatabase());
  const usual = await settingsOf(url.href);
  for (const [name, value] of Object.entries({
    PGOPTIONS: '-c datestyle=SQL,DMY -c search_path=pg_catalog',
    PGAPPNAME: 'psql',
    PGTZ: 'Asia/Kathmandu',
    PGDATESTYLE: 'German',
    PGCLIENTENCODING: 'LATIN1',
    PGCLIENT_ENCODING: 'latin1',
    PGREPLICATION: 'true',
    PGBINARY: 'true',
    PGSSLMODE: 'require',
    PGSSLNEGOTIATION: 'direct',
    PGHOST: 'elsewhere.invalid',
    PGPORT: '1',
    PGUSER: 'nobody',
    PGDATABASE: 'nothing',
    PGPASSWORD: 'wrong',
    PGPASSFILE: '/nowhere',
    PGSERVICE: 'none',
  }))
    vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());
  expect(await settingsOf(url.href)).toEqual(usual);

  vi.stubEnv('PGPASSWORD', decodeURIComponent(url.password));
  url.password = '';
  expect(await settingsOf(url.href)).toEqual(usual);
});

test('options in the URL reach the server', async () => {
  const url = new URL(await createDatabase());
  url.searchParams.set('options', '-c work_mem=5MB');
  const client = new SessionClient({
    connectionString: url.href,
    session: { applicationName: 'test', statementTimeoutMs: 0 },
  });
  await client.connect();
  onTestFinished(() => client.end());
  expect((await client.query('show work_mem')).rows).toEqual([{ work_mem: '5MB' }]);
});
