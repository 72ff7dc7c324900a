/** Tenancy: every operation that takes an id answers an id of another account byte for byte as an unknown one. */
import { readFile } from 'node:fs/promises';
import { buildSchema, getNamedType, isInputObjectType, type GraphQLInputType } from 'graphql';
import { expect, test } from 'vitest';
import { makeAccount, type MadeAccount } from '../support/administrator.ts';
import { startGateway } from '../support/gateway.ts';
import { openSocket, subscribe, WATCH } from '../support/socket.ts';
import { ALLOW_LOOPBACK, startWebhookReceiver } from '../support/webhook-receiver.ts';
import { webhooksOf } from '../support/webhooks.ts';

type Kind = 'job' | 'key' | 'endpoint' | 'delivery';

const ERRORS = 'userErrors { code message field }';

/** Operations by field, with the kind of their id. Deletions come last, because the owner runs all operations, too. */
const operations: readonly (readonly [field: string, kind: Kind, document: string])[] = [
  ['motionJob', 'job', 'query ($id: ID!) { motionJob(id: $id) { id } }'],
  ['node', 'job', 'query ($id: ID!) { node(id: $id) { id } }'],
  ['node', 'key', 'query ($id: ID!) { node(id: $id) { id } }'],
  ['node', 'endpoint', 'query ($id: ID!) { node(id: $id) { id } }'],
  [
    'motionJobs',
    'job',
    'query ($id: ID!) { motionJobs(filter: { ids: [$id] }) { nodes { id } pageInfo { hasNextPage endCursor } } }',
  ],
  [
    'webhookDeliveries',
    'endpoint',
    'query ($id: ID!) { webhookDeliveries(endpointId: $id) { nodes { id } pageInfo { hasNextPage endCursor } } }',
  ],
  [
    'webhookDeliveries',
    'job',
    'query ($id: ID!) { webhookDeliveries(jobId: $id) { nodes { id } pageInfo { hasNextPage endCursor } } }',
  ],
  ['webhookSecret', 'endpoint', 'query ($id: ID!) { webhookSecret(endpointId: $id) }'],
  ['cancelMotionJob', 'job', `mutation ($id: ID!) { cancelMotionJob(input: { id: $id }) { job { id } ${ERRORS} } }`],
  ['rotateApiKey', 'key', `mutation ($id: ID!) { rotateApiKey(input: { id: $id }) { key ${ERRORS} } }`],
  ['revokeApiKey', 'key', `mutation ($id: ID!) { revokeApiKey(input: { id: $id }) { apiKey { id } ${ERRORS} } }`],
  [
    'updateWebhookEndpoint',
    'endpoint',
    `mutation ($id: ID!) { updateWebhookEndpoint(input: { id: $id, eventTypes: [MOTION_JOB_FAILED] }) { endpoint { id } ${ERRORS} } }`,
  ],
  [
    'testWebhookEndpoint',
    'endpoint',
    `mutation ($id: ID!) { testWebhookEndpoint(input: { id: $id }) { deliveryId ${ERRORS} } }`,
  ],
  [
    'rotateWebhookSecret',
    'endpoint',
    `mutation ($id: ID!) { rotateWebhookSecret(input: { endpointId: $id }) { secret ${ERRORS} } }`,
  ],
  [
    'redeliverWebhook',
    'delivery',
    `mutation ($id: ID!) { redeliverWebhook(input: { deliveryId: $id }) { delivery { id } ${ERRORS} } }`,
  ],
  ['deleteMotionJob', 'job', `mutation ($id: ID!) { deleteMotionJob(input: { id: $id }) { deletedId ${ERRORS} } }`],
  [
    'deleteWebhookEndpoint',
    'endpoint',
    `mutation ($id: ID!) { deleteWebhookEndpoint(input: { id: $id }) { deletedId ${ERRORS} } }`,
  ],
];

/**
 * Fields that are not in the list: operations for administrators only, `createClientToken`, which does not read the
 * jobs that it names, and the subscription, which is tested separately below.
 */
const others = ['account', 'approveAccount', 'disableAccount', 'setQuota', 'createClientToken', 'jobUpdated'];

/** Returns true if the type is `ID` or an input object that contains one. */
function takesId(type: GraphQLInputType): boolean {
  const named = getNamedType(type);
  return (
    named.name === 'ID' ||
    (isInputObjectType(named) && Object.values(named.getFields()).some((field) => takesId(field.type)))
  );
}

test('the list contains every operation of the schema that takes an id', async () => {
  const schema = buildSchema(await readFile(new URL('../../src/schema/schema.graphql', import.meta.url), 'utf8'));
  const fields = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()].flatMap((type) =>
    Object.values(type!.getFields()),
  );
  const taking = fields.filter(({ args }) => args.some(({ type }) => takesId(type))).map(({ name }) => name);
  expect(new Set([...operations.map(([field]) => field), ...others])).toEqual(new Set(taking));
});

const UNKNOWN = '0199c0de-0000-7000-8000-000000000000';

/** Starts a gateway with two accounts, the first of which has one object of every kind that has an id. */
async function startWithAll() {
  const gateway = await startGateway({ ...ALLOW_LOOPBACK });
  const [mine, other] = [await makeAccount(gateway), await makeAccount(gateway)];
  const receiver = await startWebhookReceiver();
  const webhooks = webhooksOf(mine.client);
  const { endpoint } = await webhooks.create({ url: receiver.url });
  const job = await mine.client.generate({ idempotencyKey: 'mine', labels: [{ key: 'a', value: 'b' }] });
  await mine.client.untilEnd(job.id);
  await expect.poll(async () => (await webhooks.deliveries()).nodes.map(({ state }) => state)).toContain('DELIVERED');
  const { data } = await mine.client.request<{ createApiKey: { apiKey: { id: string } } }>(
    'mutation { createApiKey(input: { name: "x", scopes: [JOBS_READ] }) { apiKey { id } } }',
  );
  const ids: Record<Kind, string> = {
    job: job.id,
    endpoint: endpoint!.id,
    delivery: (await webhooks.deliveries()).nodes[0]!.id,
    key: data.createApiKey.apiKey.id,
  };
  return { gateway, mine, other, webhooks, ids };
}

test(
  'an id of another account is answered exactly as an unknown one, and nothing changes',
  { timeout: 60_000 },
  async () => {
    const { gateway, mine, other, webhooks, ids } = await startWithAll();
    const ownState = async () => [
      await webhooks.list(),
      await webhooks.deliveries(),
      await webhooks.secret(ids.endpoint),
      (await mine.client.request('{ viewer { keys { id revokedAt expiresAt } } }')).data,
    ];
    const before = await ownState();
    const ask = async ({ client }: MadeAccount, document: string, id: string) =>
      JSON.stringify(await client.request(document, { id })).replaceAll(id, UNKNOWN);
    for (const [field, kind, document] of operations) {
      const none = await ask(other, document, UNKNOWN);
      expect(none, document).not.toContain('GRAPHQL_VALIDATION_FAILED');
      expect(await ask(other, document, ids[kind]), `${field} of a ${kind}`).toBe(none);
    }
    expect(await ownState()).toEqual(before);

    const socket = await openSocket({ url: gateway.url, apiKey: other.key });
    const heard = [];
    for (const id of [ids.job, UNKNOWN]) {
      socket.send(subscribe('a', WATCH, { id }));
      heard.push(JSON.stringify([await socket.next(), await socket.next()]).replaceAll(id, UNKNOWN));
    }
    expect(heard[0]).toBe(heard[1]);
    // Negative control: the owner gets different answers, so these operations can reveal something.
    for (const [field, kind, document] of operations.filter(([field, kind]) => field !== 'node' || kind === 'job')) {
      expect(await ask(mine, document, ids[kind]), `${field} of its owner`).not.toBe(
        await ask(mine, document, UNKNOWN),
      );
    }
    await mine.client.stop();
  },
);

test('idempotency keys and labels that two accounts share belong to each account separately', async () => {
  const { mine, other } = await startWithAll();
  const [job] = (
    await mine.client.request<{ motionJobs: { nodes: { id: string }[] } }>('{ motionJobs { nodes { id } } }')
  ).data.motionJobs.nodes;
  expect((await other.client.generate({ idempotencyKey: 'mine' })).id).not.toBe(job!.id);
  expect(
    (
      await other.client.request<{ motionJobs: { nodes: object[] } }>(
        '{ motionJobs(filter: { labels: [{ key: "a", value: "b" }] }) { nodes { id } } }',
      )
    ).data.motionJobs.nodes,
  ).toEqual([]);
  expect(await mine.client.find(job!.id)).toMatchObject({ id: job!.id });
  await mine.client.stop();
});
