/** Tests the NUL character, which PostgreSQL text cannot contain, in every text of a client or an administrator. */
import { expect, test } from 'vitest';
import { asAdministratorOf } from '../support/administrator.ts';
import { EXAMPLE } from '../support/client.ts';
import { startGateway } from '../support/gateway.ts';
import { shared } from '../support/on-end.ts';
import { createRestClient } from '../support/rest.ts';
import { openSocket, subscribe } from '../support/socket.ts';

const NUL = 'a\0b';
const UNKNOWN = '0199c0de-0000-7000-8000-000000000000';

const operations: readonly (readonly [string, string, Record<string, unknown>])[] = [
  [
    'a prompt',
    'mutation ($input: GenerateMotionInput!) { it: generateMotion(input: $input) { userErrors { code } } }',
    { input: { ...EXAMPLE, prompt: NUL } },
  ],
  [
    'a label',
    'mutation ($input: GenerateMotionInput!) { it: generateMotion(input: $input) { userErrors { code } } }',
    { input: { ...EXAMPLE, labels: [{ key: 'a', value: NUL }] } },
  ],
  [
    'an idempotency key',
    'mutation ($input: GenerateMotionInput!) { it: generateMotion(input: $input) { userErrors { code } } }',
    { input: { ...EXAMPLE, idempotencyKey: NUL } },
  ],
  [
    'a model',
    'mutation ($input: GenerateMotionInput!) { it: generateMotion(input: $input) { userErrors { code } } }',
    { input: { ...EXAMPLE, model: NUL } },
  ],
  [
    "a webhook's URL",
    'mutation ($input: GenerateMotionInput!) { it: generateMotion(input: $input) { userErrors { code } } }',
    { input: { ...EXAMPLE, webhookUrl: `https://${NUL}.example.com/` } },
  ],
  ['an id', 'query ($id: ID!) { motionJob(id: $id) { id } }', { id: NUL }],
  ['a node', 'query ($id: ID!) { node(id: $id) { id } }', { id: NUL }],
  ['ids', 'query ($ids: [ID!]) { motionJobs(filter: { ids: $ids }) { nodes { id } } }', { ids: [NUL] }],
  [
    'a label to filter by',
    'query ($value: String!) { motionJobs(filter: { labels: [{ key: "a", value: $value }] }) { nodes { id } } }',
    { value: NUL },
  ],
  ['a cursor', 'query ($after: String) { motionJobs(after: $after) { nodes { id } } }', { after: NUL }],
  [
    'a job to cancel',
    'mutation ($id: ID!) { it: cancelMotionJob(input: { id: $id }) { userErrors { code } } }',
    { id: NUL },
  ],
  [
    'a job to delete',
    'mutation ($id: ID!) { it: deleteMotionJob(input: { id: $id }) { userErrors { code } } }',
    { id: NUL },
  ],
  [
    'the name of a key',
    'mutation ($name: String!) { it: createApiKey(input: { name: $name, scopes: [JOBS_READ] }) { userErrors { code } } }',
    { name: NUL },
  ],
  [
    'a key to rotate',
    'mutation ($id: ID!) { it: rotateApiKey(input: { id: $id }) { userErrors { code } } }',
    { id: NUL },
  ],
  [
    'a key to revoke',
    'mutation ($id: ID!) { it: revokeApiKey(input: { id: $id }) { userErrors { code } } }',
    { id: NUL },
  ],
  [
    'the URL of an endpoint',
    'mutation ($url: URL!) { it: createWebhookEndpoint(input: { url: $url }) { userErrors { code } } }',
    { url: `https://${NUL}.example.com/` },
  ],
  [
    'an endpoint to test',
    'mutation ($id: ID!) { it: testWebhookEndpoint(input: { id: $id }) { userErrors { code } } }',
    { id: NUL },
  ],
  [
    'an endpoint to change',
    'mutation ($id: ID!) { it: updateWebhookEndpoint(input: { id: $id, enabled: true }) { userErrors { code } } }',
    { id: NUL },
  ],
  [
    'an endpoint to delete',
    'mutation ($id: ID!) { it: deleteWebhookEndpoint(input: { id: $id }) { userErrors { code } } }',
    { id: NUL },
  ],
  ['the endpoint of a secret', 'query ($id: ID) { webhookSecret(endpointId: $id) }', { id: NUL }],
  [
    'a secret to rotate',
    'mutation ($id: ID) { it: rotateWebhookSecret(input: { endpointId: $id }) { userErrors { code } } }',
    { id: NUL },
  ],
  [
    'a delivery to repeat',
    'mutation ($id: ID!) { it: redeliverWebhook(input: { deliveryId: $id }) { userErrors { code } } }',
    { id: NUL },
  ],
  [
    'the endpoint of a list of deliveries',
    'query ($id: ID) { webhookDeliveries(endpointId: $id) { nodes { id } } }',
    { id: NUL },
  ],
  [
    'the job of a list of deliveries',
    'query ($id: ID) { webhookDeliveries(jobId: $id) { nodes { id } } }',
    { id: NUL },
  ],
  [
    'the name of an applicant',
    'mutation ($name: String!) { it: acquireAccess(input: { name: $name, email: "a@example.com" }) { userErrors { code } } }',
    { name: NUL },
  ],
  [
    'the email address of an applicant',
    'mutation ($email: String!) { it: acquireAccess(input: { name: "a", email: $email }) { userErrors { code } } }',
    { email: `${NUL}@example.com` },
  ],
];

const administrative: typeof operations = [
  ['an account', 'query ($id: ID!) { account(id: $id) { id } }', { id: NUL }],
  ['a page of accounts', 'query ($after: String) { accounts(after: $after) { nodes { id } } }', { after: NUL }],
  [
    'the name of a new account',
    'mutation ($name: String!) { it: createAccount(input: { name: $name }) { userErrors { code } } }',
    { name: NUL },
  ],
  [
    'an account to approve',
    'mutation ($id: ID!) { it: approveAccount(input: { id: $id }) { userErrors { code } } }',
    { id: NUL },
  ],
  [
    'an account to disable',
    'mutation ($id: ID!) { it: disableAccount(input: { id: $id }) { userErrors { code } } }',
    { id: NUL },
  ],
  [
    'an account to set the quota of',
    'mutation ($id: ID!) { it: setQuota(input: { id: $id, quotaLimit: 1 }) { userErrors { code } } }',
    { id: NUL },
  ],
];

const opened = shared(() => startGateway({ REGISTRATION: 'open' }));

test('NUL in a GraphQL request is a client error or an unknown id', async () => {
  const gateway = opened();
  const answers: [string, unknown][] = [];
  for (const [what, query, variables] of operations)
    answers.push([what, await gateway.client.request(query, variables)]);
  for (const [what, query, variables] of administrative)
    answers.push([what, await asAdministratorOf(gateway).request(query, variables)]);
  for (const [what, answer] of answers) {
    const said = JSON.stringify(answer);
    expect([what, /INTERNAL_SERVER_ERROR|GRAPHQL_VALIDATION_FAILED|SERVICE_UNAVAILABLE/.exec(said)?.[0]]).toEqual([
      what,
      undefined,
    ]);
    expect([what, /"userErrors":\[\{|BAD_USER_INPUT|":null|"nodes":\[\]|CURSOR_INVALID/.test(said)]).toEqual([
      what,
      true,
    ]);
  }
  const { nodes } = (
    await gateway.client.request<{ motionJobs: { nodes: object[] } }>('{ motionJobs { nodes { id } } }')
  ).data.motionJobs;
  expect(nodes).toEqual([]);
});

test('NUL over REST or on a socket is likewise a client error or an unknown id', async () => {
  const gateway = opened();
  const rest = createRestClient(gateway);
  expect([(await rest.retrieve(NUL)).status, (await rest.retrieveBatch({ ids: [NUL, UNKNOWN] })).body]).toEqual([
    404,
    { items: [], count: 0 },
  ]);
  expect(await rest.submit({ prompt: NUL })).toMatchObject({ status: 400 });
  const socket = await openSocket(gateway);
  socket.send(subscribe('a', `subscription ($id: ID!) { jobUpdated(id: $id) { id } }`, { id: NUL }));
  expect(JSON.stringify(await socket.next())).not.toContain('INTERNAL_SERVER_ERROR');
  for (const account of [{ accountId: NUL }, { headers: { 'X-Account-Id': NUL } }]) {
    const named = await openSocket(gateway, { init: false });
    const reason = new Promise((resolve) => named.socket.once('close', (_code, text) => resolve(String(text))));
    named.send({
      type: 'connection_init',
      payload: { authorization: `Bearer ${gateway.administratorKey}`, ...account },
    });
    expect([await named.closed, await reason]).toEqual([4403, 'BAD_USER_INPUT: There is no such account.']);
  }
  expect(gateway.logs.filter(({ level }) => Number(level) >= 50)).toEqual([]);
});

test('an administrator request for an unknown account is rejected, over GraphQL, on a socket and over REST', async () => {
  const gateway = opened();
  const { status, errors } = await asAdministratorOf(gateway).request(
    '{ motionJobs { nodes { id } } }',
    {},
    { 'x-account-id': 'nobody' },
  );
  expect([status, errors?.map(({ extensions }) => extensions.code)]).toEqual([400, ['BAD_USER_INPUT']]);
  const socket = await openSocket(gateway, { init: false });
  socket.send({
    type: 'connection_init',
    payload: { authorization: `Bearer ${gateway.administratorKey}`, accountId: 'nobody' },
  });
  expect(await socket.closed).toBe(4403);
  expect(
    await (
      await fetch(`${gateway.url}/kling/tasks`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${gateway.administratorKey}`,
          'x-account-id': 'nobody',
          'content-type': 'application/json',
        },
        body: '{}',
      })
    ).json(),
  ).toMatchObject({ error: { code: 'bad_request', message: 'There is no such account.' } });
});
