/** Tests the API description: every answer fits it, and it names no status or code that is not served. */
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { parseLookUp } from '../../../src/upstream/acedata/wire/look-up.ts';
import { parseSubmitBody } from '../../../src/upstream/acedata/wire/submit-body.ts';
import { makeAccount } from '../../support/administrator.ts';
import { asAdministrator } from '../../support/database.ts';
import { startGateway } from '../../support/gateway.ts';
import { shared } from '../../support/on-end.ts';
import { createRestClient, openSubmit, SEED_BODY } from '../../support/rest.ts';

const common = shared(() => startGateway());

type Schema = Record<string, unknown>;
interface Content {
  readonly content: {
    readonly 'application/json': { readonly schema: Schema & { readonly anyOf?: readonly Schema[] } };
  };
}
interface Description {
  readonly openapi: string;
  readonly servers: readonly { readonly url: string }[];
  readonly paths: Record<
    string,
    { readonly post: { readonly requestBody: Content; readonly responses: Record<string, Content> } }
  >;
}

const describeApi = async (url: string): Promise<Description> =>
  (await (await fetch(`${url}/openapi.json`)).json()) as Description;
const schemaOf = ({ content }: Content) => content['application/json'].schema;
const fits = (schema: Schema, value: unknown): boolean => z.fromJSONSchema(schema).safeParse(value).success;

/** Returns the codes in an error schema, and marks those that come with a task. */
function codesOf(schema: Schema & { readonly anyOf?: readonly Schema[] }): string[] {
  if (schema.anyOf) return schema.anyOf.flatMap(codesOf);
  const { error, task_id } = schema.properties as {
    error?: { properties: { code: { enum: string[] } } };
    task_id?: object;
  };
  return error ? error.properties.code.enum.map((code) => (task_id ? `${code} of a task` : code)) : [];
}

test('every answer fits the description, and every status and code of the description occurs', async () => {
  const gateway = await startGateway({ REST_HOLD_SECONDS: '1.5', SUBMITS_PER_MINUTE: '40', DRAIN_SECONDS: '5' });
  const { url, client } = gateway;
  const { paths, openapi } = await describeApi(url);
  expect(openapi).toBe('3.1.0');
  const seen = new Set<string>();
  const rest = createRestClient(gateway);
  const check = (path: string, status: number, body: Record<string, unknown> & { error?: { code: string } }): void => {
    const response = paths[path]?.post.responses[status];
    expect(response, `${path} ${status}`).toBeDefined();
    expect(fits(schemaOf(response!), body), JSON.stringify({ path, status, body })).toBe(true);
    expect(fits(schemaOf(response!), { ...body, more: 1 }), 'the description allows no other fields').toBe(false);
    seen.add(
      `${path} ${status}${body.error ? ` ${body.error.code}` : ''}${body.error && 'task_id' in body ? ' of a task' : ''}`,
    );
  };
  const play = async (path: string, body: unknown, headers: Record<string, string> = {}) => {
    const answer = await rest.post(path, body, headers);
    check(path, answer.status, answer.body);
    return answer.body;
  };
  const [motion, tasks] = ['/kling/motion', '/kling/tasks'];

  await play(motion, SEED_BODY);
  const { task_id: id } = await play(motion, { ...SEED_BODY, async: true });
  await play(tasks, { action: 'retrieve', id });
  await expect.poll(async () => (await rest.retrieve(id!)).body.finished_at).toBeTypeOf('number');
  await play(tasks, { action: 'retrieve', id });
  await play(tasks, { action: 'retrieve_batch', ids: [id, 'unknown'] });
  await play(tasks, { action: 'retrieve_batch' });
  await play(tasks, { action: 'retrieve', id: 'unknown' });
  for (const scenario of ['moderated', 'bad-media', 'failed', 'hang'])
    await play(motion, { ...SEED_BODY, prompt: `sandbox:${scenario}` });

  const { data } = await client.request<{ createApiKey: { key: string; apiKey: { id: string } } }>(
    'mutation { createApiKey(input: { name: "x", scopes: [ACCOUNT_ADMIN] }) { key apiKey { id } } }',
  );
  const account = await makeAccount(gateway, { quotaLimit: 0 });
  const tired = await makeAccount(gateway);
  const as = (key: string) => ({ authorization: `Bearer ${key}` });
  await play(motion, SEED_BODY, as(account.key));
  for (const path of [motion, tasks]) {
    for (const headers of [
      { authorization: '' },
      as('wrong'),
      as(data.createApiKey.key),
      { 'content-type': 'text/plain' },
    ])
      await play(path, SEED_BODY, headers);
    await play(path, { action: 'cancel', mode: 'fast' });
    await play(path, { prompt: 'x'.repeat(70_000) });
  }
  await asAdministrator(
    `update api_keys set expires_at = now() - interval '1 s' where id = '${data.createApiKey.apiKey.id}'`,
    gateway.databaseUrl,
  );
  for (const path of [motion, tasks]) await play(path, SEED_BODY, as(data.createApiKey.key));
  await asAdministrator(`update accounts set status = 'DISABLED' where id = '${account.id}'`, gateway.databaseUrl);
  for (const path of [motion, tasks]) await play(path, SEED_BODY, as(account.key));

  // A task that is deleted while its request is held.
  const held = openSubmit(gateway, { prompt: 'sandbox:hang to delete' });
  await expect.poll(gateway.live.watchers).toBe(1);
  await asAdministrator(
    `with gone as (delete from jobs where prompt like '%delete' returning id, account_id) select pg_notify('job_changed', id || ' 99 ' || account_id) from gone`,
    gateway.databaseUrl,
  );
  const deleted = await held.answer;
  check(motion, deleted.status, deleted.body);

  await asAdministrator('alter table rest_bodies rename to away', gateway.databaseUrl);
  await play(motion, { ...SEED_BODY, prompt: 'not stored' });
  await play(tasks, { action: 'retrieve', id });
  await asAdministrator('alter table away rename to rest_bodies', gateway.databaseUrl);

  for (let count = 0; count <= 40; count += 1)
    await rest.post(motion, { ...SEED_BODY, async: true, prompt: String(count) }, as(tired.key));
  await play(motion, SEED_BODY, as(tired.key));

  const second = await startGateway({ DATABASE_URL: gateway.databaseUrl, REQUESTS_PER_MINUTE: '1' });
  const few = createRestClient(second);
  await few.retrieve(id!);
  const over = await few.retrieve(id!);
  check(tasks, over.status, over.body);

  // A stopping gateway refuses before it accepts anything. It stops only after the submit in progress.
  const { task_id: hung } = await play(motion, { ...SEED_BODY, async: true, prompt: 'sandbox:hang at the stop' });
  await expect.poll(async () => (await client.find(hung!))!.state).toBe('SUBMITTING');
  const stopped = gateway.stop();
  const refused = await play(motion, { ...SEED_BODY, prompt: 'too late' });
  expect(refused).not.toHaveProperty('task_id');
  await stopped;

  const described = Object.entries(paths).flatMap(([path, { post }]) =>
    Object.entries(post.responses).flatMap(([status, response]) =>
      status === '200' ? [`${path} ${status}`] : codesOf(schemaOf(response)).map((code) => `${path} ${status} ${code}`),
    ),
  );
  expect([...seen].sort()).toEqual(described.sort());
});

const documents = ['/openapi.json', '/openapi.json?v=1/', '/openapi.json/'];
test.each(documents)('%s names the root of the gateway as its server, also behind a prefix', async (path) => {
  const { servers } = (await (await fetch(common().url + path)).json()) as Description;
  for (const root of ['http://127.0.0.1/', 'https://www.example.com/motion/', 'https://www.example.com/a/b/']) {
    expect(servers.map(({ url }) => new URL(url, `${root}${path.slice(1)}`).href)).toEqual([root]);
  }
});

test.each(documents)('the paths of %s, appended to its server URL, are served even with two slashes', async (path) => {
  const { servers, paths } = (await (await fetch(common().url + path)).json()) as Description;
  for (const route of Object.keys(paths)) {
    const response = await fetch(new URL(servers[0]!.url, common().url + path).href + route, {
      method: 'POST',
      body: '{}',
      headers: { 'content-type': 'application/json' },
    });
    expect(response.status, response.url).toBe(400);
  }
});

describe('the description of a body', () => {
  const bodies: readonly [string, object][] = [
    ['/kling/motion', SEED_BODY],
    ['/kling/motion', { image_url: SEED_BODY.image_url, video_url: SEED_BODY.video_url }],
    [
      '/kling/motion',
      {
        ...SEED_BODY,
        model_name: 'kling-v3',
        watermark_info: { enabled: true },
        async: true,
        callback_url: 'https://a.com/cb',
        keep_original_sound: 'no',
      },
    ],
    ...[
      { image_url: undefined },
      { mode: 'fast' },
      { seed: 1 },
      { prompt: 7 },
      { prompt: 'x'.repeat(2_501) },
      { model_name: 'A B' },
      { model_name: 'a'.repeat(65) },
      { watermark_info: {} },
      { watermark_info: { enabled: null } },
      { watermark_info: { enabled: true, more: 1 } },
      { mode: null, prompt: ' ', callback_url: '', async: [], negative_prompt: {}, seed: null, x: { y: '' } },
      { x: { y: { z: { a: null } } } },
      { x: [null] },
      { image_url: null },
      { video_url: '' },
      { async: 'yes' },
      { keep_original_sound: true },
      { callback_url: 'no URL' },
      { image_url: `https://a.com/${'x'.repeat(2_048)}` },
    ].map((more): [string, object] => ['/kling/motion', { ...SEED_BODY, ...more }]),
    ['/kling/tasks', { action: 'retrieve', id: 'a' }],
    ['/kling/tasks', { action: 'retrieve_batch', ids: ['a'], created_at_min: 1.5, limit: 50, offset: 0 }],
    ...[
      { action: 'retrieve' },
      { action: 'cancel' },
      { action: 'retrieve_batch', ids: Array(51).fill('a') },
      { action: 'retrieve_batch', limit: 51 },
      { action: 'retrieve_batch', offset: -1 },
      { action: 'retrieve_batch', created_at_max: -1 },
      { action: 'retrieve_batch', ids: [], limit: null, offset: '', created_at_min: {} },
      { action: 'retrieve', id: '' },
    ].map((body): [string, object] => ['/kling/tasks', body]),
  ];

  test('accepts exactly what the parser accepts', async () => {
    const { paths } = await describeApi(common().url);
    for (const [path, body] of bodies) {
      const sent = JSON.parse(JSON.stringify(body)) as object;
      const { ok } = path === '/kling/motion' ? parseSubmitBody(sent) : parseLookUp(sent);
      expect(fits(schemaOf(paths[path]!.post.requestBody), sent), JSON.stringify(body).slice(0, 200)).toBe(ok);
    }
  });

  test('describes every field', async () => {
    const { paths } = await describeApi(common().url);
    const { properties } = schemaOf(paths['/kling/motion']!.post.requestBody) as {
      properties: Record<string, { description?: string }>;
    };
    expect(Object.entries(properties).filter(([, { description }]) => !description)).toEqual([]);
    expect(Object.keys(properties)).toEqual(expect.arrayContaining(Object.keys(SEED_BODY)));
  });
});
