/** Quota: reservation, charge and release, and balances that always match the ledger. */
import { randomUUID } from 'node:crypto';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createConnections } from '../../src/db/connection/client.ts';
import { createAccountsStore } from '../../src/db/stores.ts';
import { clientWith, makeAccount, type MadeAccount } from '../support/administrator.ts';
import { EXAMPLE } from '../support/client.ts';
import { asAdministrator, createDatabase } from '../support/database.ts';
import { callBack, failureOf, recordOf, startFakeUpstream, successOf } from '../support/fake-upstream.ts';
import { startGateway } from '../support/gateway.ts';
import { shared } from '../support/on-end.ts';

const quotaOf = async ({ client }: MadeAccount) =>
  (
    await client.request<{ viewer: { quota: object } }>(
      '{ viewer { quota { limit used reserved remaining monthlyUsed } } }',
    )
  ).data.viewer.quota;

const GENERATE =
  'mutation ($input: GenerateMotionInput!) { generateMotion(input: $input) { job { id } userErrors { __typename code ... on QuotaExhausted { remaining } } } }';
const generate = ({ client }: MadeAccount, input: object = {}) =>
  client.request<{ generateMotion: { job: { id: string } | null; userErrors: object[] } }>(GENERATE, {
    input: { ...EXAMPLE, ...input },
  });

const refused = { job: null, userErrors: [{ __typename: 'QuotaExhausted', code: 'QUOTA_EXHAUSTED', remaining: 0 }] };

function storeOf(databaseUrl: string, size: number) {
  const connections = createConnections(databaseUrl, size, () => undefined);
  onTestFinished(() => connections.pool.end());
  return createAccountsStore(connections);
}

const imbalancesOf = (databaseUrl: string) => storeOf(databaseUrl, 1).findImbalances();

async function start(settings: Record<string, string> = {}) {
  const upstream = await startFakeUpstream();
  const gateway = await startGateway({
    ...upstream.settings,
    POLL_FIRST_SECONDS: '0.05',
    POLL_INTERVAL_SECONDS: '0.05',
    PUBLIC_URL: 'http://gateway.invalid',
    ...settings,
  });
  return { upstream, gateway };
}

describe('quota', () => {
  /** Every test takes all of its submits from the simulated upstream. */
  const common = shared(() => start({ UPSTREAM_MAX_IN_FLIGHT: '100' }));
  const hurried = shared(() => start({ JOB_DEADLINE_SECONDS: '0.5' }));

  test('is reserved when a job is accepted, and nothing is stored when none is left', async () => {
    const { gateway, upstream } = common();
    const account = await makeAccount(gateway, { quotaLimit: 2 });
    await generate(account);
    await generate(account);
    expect(await quotaOf(account)).toEqual({ limit: 2, used: 0, reserved: 2, remaining: 0, monthlyUsed: 2 });
    expect((await generate(account)).data.generateMotion).toEqual(refused);
    expect(
      await asAdministrator(
        `select count(*)::int as jobs from jobs where account_id = '${account.id}'`,
        gateway.databaseUrl,
      ),
    ).toEqual([{ jobs: 2 }]);
    expect(await imbalancesOf(gateway.databaseUrl)).toEqual([]);
    for (let count = 0; count < 2; count += 1) await upstream.nextSubmit();
  });

  test('is not reserved again for a repeated idempotency key', async () => {
    const { gateway, upstream } = common();
    const account = await makeAccount(gateway, { quotaLimit: 1 });
    const first = await generate(account, { idempotencyKey: 'one' });
    expect((await generate(account, { idempotencyKey: 'one' })).data.generateMotion).toEqual({
      job: first.data.generateMotion.job,
      userErrors: [],
    });
    expect(await quotaOf(account)).toMatchObject({ reserved: 1 });
    await upstream.nextSubmit();
  });

  test('is charged once when a job succeeds, with its billed seconds, mode and model', async () => {
    const { gateway, upstream } = common();
    const account = await makeAccount(gateway, { quotaLimit: 2 });
    const job = (await generate(account, { mode: 'PRO', model: 'kling-v3' })).data.generateMotion.job!;
    const submit = await upstream.nextSubmit();
    submit.answer(200, successOf('a'));
    const ended = await account.client.untilEnd(job.id);
    expect(ended).toMatchObject({ state: 'SUCCEEDED' });
    await callBack(submit.body.callback_url!.replace('http://gateway.invalid', gateway.url), successOf('a'));
    expect(await quotaOf(account)).toEqual({ limit: 2, used: 1, reserved: 0, remaining: 1, monthlyUsed: 1 });
    const { data } = await account.client.request<{ viewer: Record<string, object> }>(
      'query ($from: DateTime!, $to: DateTime!) { viewer { day: usage(from: $from, to: $to) { key jobs billedSeconds } mode: usage(from: $from, to: $to, by: MODE) { key } model: usage(from: $from, to: $to, by: MODEL) { key } } }',
      {
        from: new Date(Date.now() - 86_400_000).toISOString(),
        to: new Date(Date.now() + 60_000).toISOString(),
      },
    );
    const billedSeconds = ended.video?.durationSeconds ?? 0;
    expect(data.viewer).toEqual({
      day: [{ key: new Date().toISOString().slice(0, 10), jobs: 1, billedSeconds }],
      mode: [{ key: 'PRO' }],
      model: [{ key: 'kling-v3' }],
    });
    expect(await imbalancesOf(gateway.databaseUrl)).toEqual([]);
    await account.client.stop();
  });

  test("is charged without waiting for the account's row, which would serialize the ends of all its jobs", async () => {
    const { gateway, upstream } = common();
    const account = await makeAccount(gateway, { quotaLimit: 2 });
    const job = (await generate(account)).data.generateMotion.job!;
    const submit = await upstream.nextSubmit();
    const store = storeOf(gateway.databaseUrl, 1);
    await store.transaction(async (tx) => {
      await store.changeAccount(tx, account.id, { limit: 3 });
      submit.answer(200, successOf('b'));
      expect(await account.client.untilEnd(job.id)).toMatchObject({ state: 'SUCCEEDED' });
    });
    expect(await quotaOf(account)).toMatchObject({ used: 1, reserved: 0 });
    expect(await imbalancesOf(gateway.databaseUrl)).toEqual([]);
    await account.client.stop();
  });

  test('is released when the job fails or is canceled', async () => {
    const { gateway, upstream } = await start({ UPSTREAM_MAX_IN_FLIGHT: '1' });
    const account = await makeAccount(gateway, { quotaLimit: 2 });
    const [failing, waiting] = [
      (await generate(account)).data.generateMotion.job!,
      (await generate(account)).data.generateMotion.job!,
    ];
    const submit = await upstream.nextSubmit();
    await account.client.request('mutation ($id: ID!) { cancelMotionJob(input: { id: $id }) { job { id } } }', {
      id: waiting.id,
    });
    expect(await quotaOf(account)).toMatchObject({ reserved: 1, remaining: 1 });
    submit.answer(400, { success: false, error: { code: 'bad_request', message: 'no' } });
    expect(await account.client.untilEnd(failing.id)).toMatchObject({ state: 'FAILED' });
    expect(await quotaOf(account)).toEqual({ limit: 2, used: 0, reserved: 0, remaining: 2, monthlyUsed: 0 });
    expect(await imbalancesOf(gateway.databaseUrl)).toEqual([]);
    await account.client.stop();
  });

  test('that was released because the outcome of a submit was unknown is charged late when the result arrives, even if none is left', async () => {
    const { gateway, upstream } = hurried();
    const account = await makeAccount(gateway, { quotaLimit: 1 });
    const job = (await generate(account)).data.generateMotion.job!;
    const submit = await upstream.nextSubmit();
    submit.cut();
    expect(await account.client.untilEnd(job.id)).toMatchObject({ failure: { code: 'SUBMIT_OUTCOME_UNKNOWN' } });
    expect(await quotaOf(account)).toMatchObject({ used: 0, reserved: 0 });
    // Another job takes the released quota in the meantime.
    await generate(account);
    await upstream.nextSubmit();
    upstream.records.set('late', recordOf('late', submit.body.callback_url, successOf('late')));
    await callBack(submit.body.callback_url!.replace('http://gateway.invalid', gateway.url), successOf('late'));
    await expect.poll(() => account.client.find(job.id)).toMatchObject({ state: 'SUCCEEDED' });
    expect(await quotaOf(account)).toMatchObject({ used: 1, remaining: 0 });
    expect(
      await asAdministrator(
        `select kind from quota_ledger where job_id = '${job.id}' order by at, kind`,
        gateway.databaseUrl,
      ),
    ).toEqual([{ kind: 'RESERVE' }, { kind: 'RELEASE' }, { kind: 'LATE_CHARGE' }]);
    expect(await imbalancesOf(gateway.databaseUrl)).toEqual([]);
    await account.client.stop();
  });

  test('that was released at the deadline is not released again when the upstream reports a failure', async () => {
    const { gateway, upstream } = hurried();
    const account = await makeAccount(gateway, { quotaLimit: 1 });
    const job = (await generate(account)).data.generateMotion.job!;
    const submit = await upstream.nextSubmit();
    submit.cut();
    expect(await account.client.untilEnd(job.id)).toMatchObject({ failure: { code: 'SUBMIT_OUTCOME_UNKNOWN' } });
    upstream.records.set('failed late', recordOf('failed late', submit.body.callback_url, failureOf('failed late')));
    await callBack(submit.body.callback_url!.replace('http://gateway.invalid', gateway.url), failureOf('failed late'));
    await expect.poll(() => account.client.find(job.id)).toMatchObject({ failure: { code: 'UPSTREAM_FAILED' } });
    expect(
      await asAdministrator(
        `select kind from quota_ledger where job_id = '${job.id}' order by at, kind`,
        gateway.databaseUrl,
      ),
    ).toEqual([{ kind: 'RESERVE' }, { kind: 'RELEASE' }]);
    expect(await quotaOf(account)).toEqual({ limit: 1, used: 0, reserved: 0, remaining: 1, monthlyUsed: 0 });
    expect(await imbalancesOf(gateway.databaseUrl)).toEqual([]);
    await account.client.stop();
  });

  test('with a monthly limit resets when the month changes', async () => {
    const { gateway, upstream } = common();
    const account = await makeAccount(gateway, { monthlyLimit: 1 });
    await generate(account);
    expect((await generate(account)).data.generateMotion).toEqual(refused);
    await asAdministrator(
      `update accounts set month = month - interval '1 month' where id = '${account.id}'`,
      gateway.databaseUrl,
    );
    expect(await quotaOf(account)).toMatchObject({ remaining: 1, monthlyUsed: 0 });
    expect((await generate(account)).data.generateMotion).toMatchObject({ userErrors: [] });
    const { data } = await account.client.request<{ viewer: { quota: { resetsAt: string } } }>(
      '{ viewer { quota { resetsAt } } }',
    );
    expect(data.viewer.quota.resetsAt).toMatch(/^\d{4}-\d{2}-01T00:00:00(\.000)?Z$/);
    for (let count = 0; count < 2; count += 1) await upstream.nextSubmit();
  });

  test('that was taken in an earlier month and is released or charged late in this one does not change the count of this month', async () => {
    const url = await createDatabase();
    const store = storeOf(url, 2);
    await asAdministrator(
      `insert into accounts (id, name, status, quota_limit, monthly_limit) values ('acme', 'Acme', 'ACTIVE', 10, 10)`,
      url,
    );
    const counts = () =>
      asAdministrator(
        'select quota_taken as taken, month_taken as "monthTaken" from accounts where id = \'acme\'',
        url,
      );
    const reserve = async () => {
      const jobId = randomUUID();
      expect(await store.transaction((tx) => store.reserve(tx, 'acme', jobId))).toBe(true);
      return jobId;
    };
    const release = (jobId: string) => store.transaction((tx) => store.release(tx, jobId));
    const charge = (id: string) =>
      store.transaction((tx) =>
        store.charge(tx, { id, accountId: 'acme', billedSeconds: 5, mode: 'STD', model: null }),
      );
    const [released, chargedLate] = [await reserve(), await reserve()];
    await release(chargedLate);
    expect(await counts()).toEqual([{ taken: 1, monthTaken: 1 }]);
    await asAdministrator(
      `update accounts set month = month - interval '1 month'; update quota_ledger set month = month - interval '1 month'`,
      url,
    );
    const [ofThisMonth] = [await reserve(), await reserve()];
    expect(await counts()).toEqual([{ taken: 3, monthTaken: 2 }]);

    await release(released);
    expect(await counts()).toEqual([{ taken: 2, monthTaken: 2 }]);
    await charge(chargedLate);
    expect(await counts()).toEqual([{ taken: 3, monthTaken: 2 }]);
    // Quota that was taken in this month counts toward this month in both directions.
    await release(ofThisMonth);
    expect(await counts()).toEqual([{ taken: 2, monthTaken: 1 }]);
    await charge(ofThisMonth);
    expect(await counts()).toEqual([{ taken: 3, monthTaken: 2 }]);
    // No release or charge takes effect twice.
    for (const jobId of [released, chargedLate, ofThisMonth]) {
      await release(jobId);
      await charge(jobId);
    }
    expect(
      await asAdministrator(`select kind, count(*)::int from quota_ledger group by kind order by kind`, url),
    ).toEqual([
      { kind: 'LATE_CHARGE', count: 3 },
      { kind: 'RELEASE', count: 3 },
      { kind: 'RESERVE', count: 4 },
    ]);
    // The first job was released for the earlier month and then charged late: it uses quota, but none of this month's.
    expect(await counts()).toEqual([{ taken: 4, monthTaken: 2 }]);
  });

  test('is protected by its own statement, independently of anything else that serializes accepts', async () => {
    const { gateway } = await start();
    const account = await makeAccount(gateway, { quotaLimit: 5 });
    const { id } = account;
    const store = storeOf(gateway.databaseUrl, 10);
    // Each transaction looks at the balance before any of them commits, so reading first and writing afterwards would
    // take too many.
    const taken = await Promise.all(
      Array.from({ length: 50 }, () => store.transaction((tx) => store.reserve(tx, id, randomUUID()))),
    );
    expect(taken.filter(Boolean)).toHaveLength(5);
    expect(await quotaOf(account)).toMatchObject({ remaining: 0 });
    // These reservations have no jobs.
    expect(await imbalancesOf(gateway.databaseUrl)).toEqual([
      { accountId: id, used: 5, usedByLedger: 0, reserved: 0, reservedByLedger: 5 },
    ]);
  });

  test(
    'is used up exactly, and not exceeded, by submits that race on two instances',
    { timeout: 120_000 },
    async () => {
      const { gateway, upstream } = await start({ UPSTREAM_MAX_IN_FLIGHT: '1', DATABASE_POOL_SIZE: '6' });
      const second = await startGateway({
        ...upstream.settings,
        DATABASE_URL: gateway.databaseUrl,
        UPSTREAM_MAX_IN_FLIGHT: '1',
        DATABASE_POOL_SIZE: '6',
        PUBLIC_URL: 'http://gateway.invalid',
      });
      const account = await makeAccount(gateway, { quotaLimit: 20 });
      const other = { ...account, client: clientWith(second, account.key) };
      // Each mutation of a document counts separately.
      const aliases = Array.from(
        { length: 5 },
        (_, index) => `a${index}: generateMotion(input: $input) { job { id } userErrors { code } }`,
      ).join(' ');
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          (index % 2 === 0 ? account : other).client.request<Record<string, { job: object | null }>>(
            `mutation ($input: GenerateMotionInput!) { ${aliases} }`,
            { input: EXAMPLE },
          ),
        ),
      );
      const jobs = answers.flatMap(({ data }) => Object.values(data ?? {})).filter((payload) => payload?.job);
      expect(jobs).toHaveLength(20);
      expect(await quotaOf(account)).toMatchObject({ reserved: 20, remaining: 0 });
      expect(await imbalancesOf(gateway.databaseUrl)).toEqual([]);
      await other.client.stop();
    },
  );
});
