import { randomUUID } from 'node:crypto';
import { getIntrospectionQuery } from 'graphql';
import { describe, expect, onTestFinished, test } from 'vitest';
import { makeAccount } from '../support/administrator.ts';
import { EXAMPLE, JOB_FIELDS, type JobView, type TestClient } from '../support/client.ts';
import { CancelJob } from '../support/operations.ts';
import { startFakeUpstream } from '../support/fake-upstream.ts';
import { startGateway } from '../support/gateway.ts';
import { shared } from '../support/on-end.ts';

/** A gateway that accepts jobs but submits only the first, which is never answered. */
const queueing = shared(async () => {
  const upstream = await startFakeUpstream();
  return startGateway({ ...upstream.settings, UPSTREAM_MAX_IN_FLIGHT: '1' });
});

/** Creates a client of an account that has no jobs. */
async function ownClient(): Promise<TestClient> {
  const { client } = await makeAccount(queueing());
  onTestFinished(() => client.stop());
  return client;
}

const GENERATE = `mutation ($input: GenerateMotionInput!) { generateMotion(input: $input) { replayed job { ${JOB_FIELDS} } userErrors { __typename code message field } } }`;
interface Generated {
  generateMotion: {
    replayed: boolean;
    job: JobView | null;
    userErrors: { __typename: string; code: string; message: string; field: string[] }[];
  };
}

describe('generateMotion', () => {
  test('stores the job as requested, with the documented defaults', async () => {
    const { client } = queueing();
    const { data } = await client.request<{ generateMotion: { job: Record<string, unknown> } }>(
      `mutation { generateMotion(input: { imageUrl: "${EXAMPLE.imageUrl}", videoUrl: "${EXAMPLE.videoUrl}", labels: [{ key: "team", value: "web" }, { key: "a", value: "ü" }] }) {
        job { imageUrl videoUrl prompt mode model characterOrientation keepOriginalSound watermark labels { key value } idempotencyKey isTerminal createdAt submittedAt completedAt } } }`,
    );
    expect(data.generateMotion.job).toMatchObject({
      imageUrl: EXAMPLE.imageUrl,
      videoUrl: EXAMPLE.videoUrl,
      prompt: null,
      mode: 'STD',
      model: null,
      characterOrientation: 'IMAGE',
      keepOriginalSound: true,
      watermark: false,
      labels: [
        { key: 'a', value: 'ü' },
        { key: 'team', value: 'web' },
      ],
      idempotencyKey: null,
      isTerminal: false,
      submittedAt: null,
      completedAt: null,
    });
  });

  test('reports every violation in one response, and stores nothing', async () => {
    const client = await ownClient();
    const labels = [
      ...Array.from({ length: 16 }, (_, index) => ({ key: `k${index}`, value: 'v' })),
      { key: 'K', value: 'v' },
    ];
    labels[1] = { key: 'k0', value: 'x'.repeat(257) };
    const { data } = await client.request<Generated>(GENERATE, {
      input: {
        imageUrl: 'ftp://user@10.0.0.1/a.png',
        videoUrl: 'http://user:pass@[::ffff:10.0.0.1]/a.mp4',
        prompt: 'x'.repeat(2501),
        model: 'No Spaces',
        idempotencyKey: 'has a space',
        labels,
      },
    });
    expect(data.generateMotion.job).toBeNull();
    expect(
      data.generateMotion.userErrors.map(({ __typename, code, field }) => [__typename, code, field.join('.')]),
    ).toEqual([
      ['InvalidInput', 'INVALID_URL', 'input.imageUrl'],
      ['InvalidInput', 'URL_HAS_CREDENTIALS', 'input.videoUrl'],
      ['InvalidInput', 'PRIVATE_ADDRESS', 'input.videoUrl'],
      ['InvalidInput', 'TOO_LONG', 'input.prompt'],
      ['InvalidInput', 'INVALID_FORMAT', 'input.model'],
      ['InvalidInput', 'TOO_MANY', 'input.labels'],
      ['InvalidInput', 'TOO_LONG', 'input.labels.1.value'],
      ['InvalidInput', 'DUPLICATE', 'input.labels.1.key'],
      ['InvalidInput', 'INVALID_FORMAT', 'input.idempotencyKey'],
    ]);
    const { data: list } = await client.request<{ motionJobs: { nodes: unknown[] } }>(
      '{ motionJobs { nodes { id } } }',
    );
    expect(list.motionJobs.nodes).toEqual([]);
  });
});

describe('an idempotency key', () => {
  test('returns the same job for the same input, even for concurrent requests', async () => {
    const { client } = queueing();
    const input = { ...EXAMPLE, idempotencyKey: 'order-1' };
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.request<Generated>(GENERATE, { input })));
    expect(new Set(answers.map(({ data }) => data.generateMotion.job!.id)).size).toBe(1);
    expect(answers.filter(({ data }) => !data.generateMotion.replayed)).toHaveLength(1);
  });

  test('is rejected for a different input, but not for the same input in another form', async () => {
    const { client } = queueing();
    const input = {
      ...EXAMPLE,
      idempotencyKey: 'order-2',
      labels: [
        { key: 'b', value: '1' },
        { key: 'a', value: '2' },
      ],
    };
    const first = await client.request<Generated>(GENERATE, { input });
    const reordered = await client.request<Generated>(GENERATE, {
      input: { ...input, mode: 'STD', labels: [...input.labels].reverse() },
    });
    expect(reordered.data.generateMotion).toMatchObject({
      replayed: true,
      job: { id: first.data.generateMotion.job!.id },
    });
    const other = await client.request<Generated>(GENERATE, { input: { ...input, prompt: 'something else' } });
    expect(other.data.generateMotion).toMatchObject({
      job: null,
      userErrors: [{ __typename: 'IdempotencyKeyReused', code: 'IDEMPOTENCY_KEY_REUSED' }],
    });
  });

  test('may be sent as a header', async () => {
    const { client } = queueing();
    const headers = { 'idempotency-key': 'order-3' };
    const first = await client.request<Generated>(GENERATE, { input: EXAMPLE }, headers);
    const again = await client.request<Generated>(GENERATE, { input: { ...EXAMPLE, idempotencyKey: 'order-3' } });
    expect(again.data.generateMotion).toMatchObject({ replayed: true, job: { id: first.data.generateMotion.job!.id } });
  });

  test('in a header that could apply to two jobs, or that differs from the input, rejects the document before anything runs', async () => {
    const client = await ownClient();
    const headers = { 'idempotency-key': 'order-4' };
    const two = `mutation ($input: GenerateMotionInput!) { a: generateMotion(input: $input) { replayed } ...F } fragment F on Mutation { b: generateMotion(input: $input) { replayed } }`;
    const ambiguous = await client.request(two, { input: EXAMPLE }, headers);
    const different = await client.request(GENERATE, { input: { ...EXAMPLE, idempotencyKey: 'other' } }, headers);
    for (const { status, errors } of [ambiguous, different]) {
      expect(status).toBe(400);
      expect(errors).toMatchObject([{ extensions: { code: 'IDEMPOTENCY_KEY_AMBIGUOUS' } }]);
    }
    const { data } = await client.request<{ motionJobs: { nodes: unknown[] } }>(
      '{ motionJobs { nodes { id } } }',
      {},
      headers,
    );
    expect(data.motionJobs.nodes).toEqual([]);
  });
});

test('every type, field, argument and enum value has a description', async () => {
  const { client } = queueing();
  const { data } = await client.request<{ __schema: { types: Described[] } }>(getIntrospectionQuery());
  interface Described {
    name: string;
    description: string | null;
    fields?: (Described & { args: Described[] })[] | null;
    inputFields?: Described[] | null;
    enumValues?: Described[] | null;
  }
  const ours = data.__schema.types.filter(
    ({ name }) => !name.startsWith('__') && !['Query', 'Mutation', 'Subscription'].includes(name),
  );
  const members = data.__schema.types
    .filter(({ name }) => !name.startsWith('__'))
    .flatMap(({ name, fields, inputFields, enumValues }) =>
      [
        ...(fields ?? []),
        ...(fields ?? []).flatMap(({ args }) => args),
        ...(inputFields ?? []),
        ...(enumValues ?? []),
      ].map((member) => ({ ...member, name: `${name}.${member.name}` })),
    );
  expect(members.length).toBeGreaterThan(100);
  expect([...ours, ...members].filter(({ description }) => !description).map(({ name }) => name)).toEqual([]);
});

describe('a read', () => {
  test('returns null for an unknown id and for text that is not an id', async () => {
    const { client } = queueing();
    const query = 'query ($id: ID!) { motionJob(id: $id) { id } node(id: $id) { id } }';
    for (const id of [randomUUID(), 'not an id', ''])
      expect((await client.request(query, { id })).data).toEqual({ motionJob: null, node: null });
  });

  test("treats another account's job like an unknown one, as does every other operation", async () => {
    const client = await ownClient();
    const job = await client.generate();
    const { asAdministrator } = await import('../support/database.ts');
    await asAdministrator(
      `update jobs set account_id = 'somebody-else' where id = '${job.id}'`,
      queueing().databaseUrl,
    );
    const { data } = await client.request(
      'query ($id: ID!) { motionJob(id: $id) { id } node(id: $id) { id } motionJobs { nodes { id } } }',
      { id: job.id },
    );
    expect(data).toEqual({ motionJob: null, node: null, motionJobs: { nodes: [] } });
    const canceled = await client.request(
      'mutation ($id: ID!) { cancelMotionJob(input: { id: $id }) { job { id } userErrors { code } } }',
      { id: job.id },
    );
    expect(canceled.data).toEqual({ cancelMotionJob: { job: null, userErrors: [{ code: 'NOT_FOUND' }] } });
    const watched = await client.watch(job.id).next();
    expect(watched.value).toMatchObject({ errors: [{ extensions: { code: 'NOT_FOUND' } }] });
  });

  test('finds a job by its id through node', async () => {
    const { client } = queueing();
    const { id } = await client.generate();
    expect(
      (await client.request('query ($id: ID!) { node(id: $id) { __typename id ... on MotionJob { mode } } }', { id }))
        .data,
    ).toEqual({ node: { __typename: 'MotionJob', id, mode: 'STD' } });
  });

  test('lists jobs newest first, in pages that neither overlap nor shift when jobs are added', async () => {
    const client = await ownClient();
    const made: string[] = [];
    for (let index = 0; index < 5; index += 1) made.unshift((await client.generate()).id);
    const query =
      'query ($after: String) { motionJobs(first: 2, after: $after) { edges { cursor node { id } } nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } }';
    interface Page {
      motionJobs: {
        nodes: { id: string }[];
        edges: { cursor: string }[];
        pageInfo: { hasNextPage: boolean; endCursor: string | null; startCursor: string | null };
      };
    }
    const seen: string[] = [];
    let after: string | null = null;
    for (let more = true; more;) {
      const { motionJobs }: Page = (await client.request<Page>(query, { after })).data;
      seen.push(...motionJobs.nodes.map(({ id }) => id));
      expect(motionJobs.pageInfo.endCursor).toBe(motionJobs.edges.at(-1)!.cursor);
      await client.generate();
      ({ hasNextPage: more, endCursor: after } = motionJobs.pageInfo);
    }
    expect(seen).toEqual(made);
  });

  test('filters the list by state, mode, labels, time and ids, and by several of them at once', async () => {
    const client = await ownClient();
    const pro = await client.generate({
      mode: 'PRO',
      labels: [
        { key: 'team', value: 'web' },
        { key: 'env', value: 'live' },
      ],
    });
    const std = await client.generate({ labels: [{ key: 'team', value: 'web' }] });
    const find = async (filter: object) => {
      const { data } = await client.request<{ motionJobs: { nodes: { id: string }[] } }>(
        'query ($filter: MotionJobFilter) { motionJobs(filter: $filter) { nodes { id } } }',
        { filter },
      );
      return data.motionJobs.nodes.map(({ id }) => id);
    };
    const past = '2020-01-01T00:00:00.000Z';
    expect(await find({ modes: ['PRO'] })).toEqual([pro.id]);
    expect(await find({ labels: [{ key: 'team', value: 'web' }] })).toEqual([std.id, pro.id]);
    expect(
      await find({
        labels: [
          { key: 'team', value: 'web' },
          { key: 'env', value: 'live' },
        ],
      }),
    ).toEqual([pro.id]);
    expect(await find({ labels: [{ key: 'team', value: 'other' }] })).toEqual([]);
    expect(await find({ states: ['SUCCEEDED', 'CANCELED'] })).toEqual([]);
    expect(await find({ createdAfter: past })).toEqual([std.id, pro.id]);
    expect(await find({ createdBefore: past })).toEqual([]);
    expect(await find({ ids: [std.id, randomUUID(), 'nonsense'] })).toEqual([std.id]);
    expect(await find({ ids: [] })).toEqual([]);
    expect(
      await find({
        modes: ['PRO', 'STD'],
        labels: [{ key: 'env', value: 'live' }],
        ids: [std.id, pro.id],
        createdAfter: past,
        states: null,
      }),
    ).toEqual([pro.id]);
  });

  test.each([
    ['a page size of 0', 'first: 0', '"first" must be between 1 and 100.'],
    ['a page size of 101', 'first: 101', '"first" must be between 1 and 100.'],
    [
      'a cursor beyond the range of times',
      'after: "OTk5OTk5OTk5OTk5OTk5IDAxOTlhYWFhLTAwMDAtNzAwMC04MDAwLTAwMDAwMDAwMDAwMA"',
      '"after" is not a cursor of this list.',
    ],
    [
      'a time before the year 1',
      'filter: { createdAfter: "0000-01-01T00:00:00Z" }',
      'Times must be in the years 1 to 9999.',
    ],
    [
      'a label that contains NUL',
      'filter: { labels: [{ key: "a", value: "\\u0000" }] }',
      '"labels" must be well-formed Unicode text without NUL characters.',
    ],
    [
      'too many labels',
      `filter: { labels: [${Array(17).fill('{ key: "a", value: "b" }').join(', ')}] }`,
      '"labels" must have at most 16 entries.',
    ],
    ['a malformed cursor', 'after: "nonsense"', '"after" is not a cursor of this list.'],
    ['too many ids', `filter: { ids: [${Array(101).fill('"a"').join(', ')}] }`, '"ids" must have at most 100 entries.'],
  ])('rejects a list with %s and returns a clear error', async (_name, args, message) => {
    const { client } = queueing();
    const { errors, data } = await client.request(`{ motionJobs(${args}) { nodes { id } } }`);
    expect(data).toEqual({ motionJobs: null });
    expect(errors).toMatchObject([{ message, extensions: { code: 'BAD_USER_INPUT' } }]);
  });
});

describe('cancelMotionJob', () => {
  const cancel = async (client: TestClient, id: string) => (await client.run(CancelJob, { id })).data.cancelMotionJob;

  test('ends a queued job, which is then never submitted; a second cancellation is not an error', async () => {
    const upstream = await startFakeUpstream();
    const { client } = await startGateway({ ...upstream.settings, UPSTREAM_MAX_IN_FLIGHT: '1' });
    const blocking = await client.generate();
    const submit = await upstream.nextSubmit();
    const queued = await client.generate();
    expect(await cancel(client, queued.id)).toMatchObject({
      job: { state: 'CANCELED', settledBy: 'CANCEL' },
      userErrors: [],
    });
    expect(await cancel(client, queued.id)).toMatchObject({ job: { state: 'CANCELED' }, userErrors: [] });
    submit.answer(403, { error: { code: 'forbidden', message: 'no' } });
    await client.untilEnd(blocking.id);
    const last = await client.generate();
    (await upstream.nextSubmit()).answer(403, { error: { code: 'forbidden', message: 'no' } });
    await client.untilEnd(last.id);
    expect(upstream.submitCount()).toBe(2);
  });

  test('is remembered while the job is being submitted, and takes effect if the attempt certainly did not reach the upstream', async () => {
    const upstream = await startFakeUpstream();
    const { client } = await startGateway(upstream.settings);
    const job = await client.generate();
    const submit = await upstream.nextSubmit();
    expect(await cancel(client, job.id)).toMatchObject({
      job: { state: 'SUBMITTING' },
      userErrors: [{ code: 'CANCEL_REQUESTED' }],
    });
    submit.answer(429, { error: { code: 'too_many_requests', message: 'slow down' } });
    expect(await client.untilEnd(job.id)).toMatchObject({ state: 'CANCELED', settledBy: 'CANCEL' });
    expect(upstream.submitCount()).toBe(1);
  });

  test('is too late once the upstream has accepted the job', async () => {
    const upstream = await startFakeUpstream();
    const { client } = await startGateway(upstream.settings);
    const job = await client.generate();
    (await upstream.nextSubmit()).answer(200, { task_id: randomUUID() });
    await expect.poll(async () => (await client.find(job.id))!.state).toBe('PROCESSING');
    expect(await cancel(client, job.id)).toMatchObject({
      job: { state: 'PROCESSING' },
      userErrors: [{ code: 'NOT_CANCELABLE' }],
    });
  });
});
