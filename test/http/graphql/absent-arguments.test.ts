/** Tests that absent, null and empty cursor arguments have the same meaning, and that sums are decimal. */
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { asAdministratorOf, makeAccount } from '../../support/administrator.ts';
import { EXAMPLE } from '../../support/client.ts';
import { asAdministrator } from '../../support/database.ts';
import { startGateway } from '../../support/gateway.ts';
import { addJobs } from '../../support/old-jobs.ts';
import { shared } from '../../support/on-end.ts';

const plain = shared(() => startGateway());

test('lists return their first page for an absent, null or empty cursor', async () => {
  const gateway = plain();
  const [id] = await addJobs(gateway.databaseUrl, { ageDays: 1, evidence: 2 });
  await makeAccount(gateway);
  const lists: readonly [string, string][] = [
    ['accounts', '{ accounts(ARGS) { nodes { id } pageInfo { endCursor } } }'],
    ['motionJobs', '{ motionJobs(ARGS) { nodes { id } pageInfo { endCursor } } }'],
    ['timeline', `{ motionJob(id: "${id}") { timeline(ARGS) { nodes { id } pageInfo { endCursor } } } }`],
    ['webhookDeliveries', '{ webhookDeliveries(ARGS) { nodes { id } pageInfo { endCursor } } }'],
    [
      'webhookDeliveries of all',
      '{ webhookDeliveries(ARGS, endpointId: null, jobId: null) { nodes { id } pageInfo { endCursor } } }',
    ],
    ['motionJobs of all', '{ motionJobs(ARGS, filter: null) { nodes { id } pageInfo { endCursor } } }'],
    [
      'motionJobs by nothing',
      '{ motionJobs(ARGS, filter: { ids: null, states: null, modes: null, labels: null, createdAfter: null, createdBefore: null }) { nodes { id } pageInfo { endCursor } } }',
    ],
  ];
  for (const [name, query] of lists) {
    const client = name === 'accounts' ? asAdministratorOf(gateway) : gateway.client;
    const read = async (args: string, variables: Record<string, unknown> = {}) => {
      return client.request<object>(
        `query ${args.includes('$') ? '($after: String)' : ''} ${query.replace('ARGS', args)}`,
        variables,
      );
    };
    const plain = await read('first: 5');
    expect(plain.errors, name).toBeUndefined();
    if (!name.startsWith('webhook')) expect(JSON.stringify(plain.data), name).toContain('"id"');
    for (const [args, variables] of [
      ['first: 5, after: null', {}],
      ['first: 5, after: ""', {}],
      ['first: 5, after: $after', {}],
      ['first: 5, after: $after', { after: null }],
      ['first: 5, after: $after', { after: '' }],
    ] as const) {
      const { data, errors } = await read(args, variables);
      expect([errors, withoutEnd(data)], `${name}: ${args}`).toEqual([undefined, withoutEnd(plain.data)]);
    }
  }
  expect((await asAdministratorOf(gateway).request('{ accounts { nodes { id } } }')).data).toMatchObject({
    accounts: { nodes: expect.arrayContaining([{ id: 'default' }]) as object[] },
  });
});

/** Removes the end cursor, because an empty page returns the cursor of its request. */
const withoutEnd = (data: object): unknown =>
  JSON.parse(JSON.stringify(data).replace(/"endCursor":(null|"[^"]*")/, '"endCursor":0'));

test('a job is the same whether optional fields are absent or null', async () => {
  const { client } = plain();
  const job =
    '{ prompt model labels { key } webhookUrl idempotencyKey mode characterOrientation keepOriginalSound watermark }';
  const generate = (input: object) =>
    client.request<{ generateMotion: { job: object } }>(
      `mutation ($input: GenerateMotionInput!) { generateMotion(input: $input) { job ${job} userErrors { code } } }`,
      { input },
    );
  const { imageUrl, videoUrl } = EXAMPLE;
  const absent = await generate({ imageUrl, videoUrl });
  const nulls = await generate({
    imageUrl,
    videoUrl,
    prompt: null,
    model: null,
    labels: null,
    webhookUrl: null,
    idempotencyKey: null,
  });
  expect(absent.data.generateMotion.job).toBeTruthy();
  expect(nulls.data).toEqual(absent.data);
});

test('billed seconds have no binary noise and add up to the same total for every grouping', async () => {
  const { id: accountId, client } = await makeAccount(plain());
  const charges: readonly [number, string, string | null][] = [
    [32.084, 'STD', null],
    [32.084, 'STD', 'kling-v3'],
    [32.086, 'PRO', null],
    [0.1, 'PRO', 'kling-v3'],
    [0.2, 'STD', null],
    [5.041666666666667, 'PRO', null],
    [5.041666666666667, 'STD', null],
    [5.041666666666667, 'STD', 'kling-v3'],
  ];
  for (const [seconds, mode, model] of charges) {
    await asAdministrator(
      `insert into quota_ledger (job_id, kind, account_id, billed_seconds, mode, model) values ('${randomUUID()}', 'CHARGE', '${accountId}', ${seconds}, '${mode}', ${model === null ? 'null' : `'${model}'`})`,
      plain().databaseUrl,
    );
  }
  const [from, to] = [new Date(Date.now() - 86_400_000).toISOString(), new Date(Date.now() + 86_400_000).toISOString()];
  const { data } = await client.request<{ viewer: Record<string, { key: string; billedSeconds: number }[]> }>(
    'query ($from: DateTime!, $to: DateTime!) { viewer { day: usage(from: $from, to: $to) { billedSeconds } mode: usage(from: $from, to: $to, by: MODE) { key billedSeconds } model: usage(from: $from, to: $to, by: MODEL) { key billedSeconds } } }',
    { from, to },
  );
  expect(data.viewer.day).toEqual([{ billedSeconds: 111.68 }]);
  expect(data.viewer.mode).toEqual([
    { key: 'PRO', billedSeconds: 37.228 },
    { key: 'STD', billedSeconds: 74.452 },
  ]);
  expect(data.viewer.model!.map(({ billedSeconds }) => billedSeconds)).toEqual([37.226, 74.454]);
});
