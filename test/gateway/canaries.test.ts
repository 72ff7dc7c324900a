/**
 * Canaries: unique, recognizable secrets pass through the whole gateway and must not be found anywhere that they do not
 * belong.
 */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { asAdministratorOf, clientWith } from '../support/administrator.ts';
import { EXAMPLE } from '../support/client.ts';
import { asAdministrator, createDatabase } from '../support/database.ts';
import { callBack, failureOf, recordOf, startFakeUpstream, successOf } from '../support/fake-upstream.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { startProcess } from '../support/process.ts';
import { createRestClient } from '../support/rest.ts';
import { openSocket, subscribe } from '../support/socket.ts';
import { ALLOW_LOOPBACK, isBelieved, startWebhookReceiver } from '../support/webhook-receiver.ts';
import { webhooksOf } from '../support/webhooks.ts';

const canary = (name: string): string => `canary${name}${randomBytes(12).toString('hex')}`;

async function startWithCanaries(settings: Record<string, string> = {}) {
  const secrets: Record<string, string> = {
    upstreamToken: canary('Upstream'),
    administratorKey: canary('Administrator'),
    appSecret: canary('App') + canary('Secret'),
    databasePassword: canary('Database'),
  };
  const databaseUrl = await createDatabase();
  const role = canary('role').slice(0, 40);
  await asAdministrator(`create role ${role} superuser login password '${secrets.databasePassword}'`);
  const url = new URL(databaseUrl);
  [url.username, url.password] = [role, secrets.databasePassword!];
  const upstream = await startFakeUpstream();
  const gateway = await startGateway({
    ...upstream.settings,
    LOG_LEVEL: 'trace',
    DATABASE_URL: url.href,
    ACEDATA_API_TOKEN: secrets.upstreamToken!,
    API_KEY: secrets.administratorKey!,
    APP_SECRET: secrets.appSecret!,
    PUBLIC_URL: 'http://gateway.invalid',
    POLL_FIRST_SECONDS: '0.1',
    POLL_INTERVAL_SECONDS: '0.1',
    WEBHOOK_RETRY_SECONDS: '0.1',
    ...ALLOW_LOOPBACK,
    ...settings,
  });
  const administrator = asAdministratorOf({ url: gateway.url, administratorKey: secrets.administratorKey! });
  return { secrets, upstream, gateway, administrator, databaseUrl };
}

/** Returns every value of every table as text, by `table.column`. */
async function dump(databaseUrl: string): Promise<Map<string, string>> {
  const columns = await asAdministrator<{ table: string; column: string }>(
    `select table_name as table, column_name as column from information_schema.columns where table_schema = 'public'`,
    databaseUrl,
  );
  const found = new Map<string, string>();
  for (const { table, column } of columns) {
    const rows = await asAdministrator<{ text: string | null }>(
      `select string_agg("${column}"::text, ' ') as text from "${table}"`,
      databaseUrl,
    );
    found.set(`${table}.${column}`, rows[0]?.text ?? '');
  }
  return found;
}

const namesIn = (text: string, secrets: Readonly<Record<string, string>>): string[] =>
  Object.entries(secrets)
    .filter(([, secret]) => text.includes(secret))
    .map(([name]) => name);

/** Returns the columns of the database in which each secret was found. */
async function placesOf(secrets: Readonly<Record<string, string>>, databaseUrl: string): Promise<string[]> {
  return [...(await dump(databaseUrl))]
    .flatMap(([column, text]) => namesIn(text, secrets).map((name) => `${name} in ${column}`))
    .sort();
}

const logOf = ({ logs }: TestGateway): string => logs.map((line) => JSON.stringify(line)).join('\n');

const CREATE_KEY = 'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { key apiKey { id } } }';

describe('secrets', () => {
  test('do not leak into logs, answers or tables, on success and on failure', { timeout: 120_000 }, async () => {
    const { secrets, upstream, gateway, administrator, databaseUrl } = await startWithCanaries();
    const answers: string[] = [];
    const ask = (client: TestGateway['client'], query: string, variables: Record<string, unknown> = {}) =>
      client.request<Record<string, Record<string, unknown>>>(query, variables);
    const tell = (value: unknown): void => void answers.push(JSON.stringify(value));

    // Keys and tokens: each is shown once, in the answer to the mutation that creates it.
    const made = await ask(
      administrator,
      'mutation ($input: CreateAccountInput!) { createAccount(input: $input) { key account { id } } }',
      { input: { name: 'Canaries', email: 'team@example.com' } },
    );
    secrets.firstKey = made.data.createAccount!.key as string;
    const first = clientWith(gateway, secrets.firstKey);
    const second = await ask(first, CREATE_KEY, {
      input: { name: 'second', scopes: ['JOBS_READ', 'JOBS_WRITE', 'ACCOUNT_ADMIN'] },
    });
    secrets.secondKey = second.data.createApiKey!.key as string;
    const rotated = await ask(first, 'mutation ($input: RotateApiKeyInput!) { rotateApiKey(input: $input) { key } }', {
      input: { id: (second.data.createApiKey!.apiKey as { id: string }).id, overlapSeconds: 60 },
    });
    secrets.rotatedKey = rotated.data.rotateApiKey!.key as string;
    const client = clientWith(gateway, secrets.rotatedKey);
    const token = await ask(
      client,
      'mutation { createClientToken(input: { scopes: [JOBS_READ], ttlSeconds: 600 }) { token } }',
    );
    secrets.clientToken = token.data.createClientToken!.token as string;
    expect(namesIn(JSON.stringify([made, second, rotated, token]), secrets)).toEqual([
      'firstKey',
      'secondKey',
      'rotatedKey',
      'clientToken',
    ]);
    tell(await ask(client, '{ viewer { account { id name } keys { id name lastFour } } }'));

    // Webhooks: a URL that is itself a secret, and signing secrets before and after a rotation.
    secrets.hook = canary('Hook');
    const receiver = await startWebhookReceiver();
    const webhooks = webhooksOf(client);
    const created = await webhooks.create({ url: `${receiver.url}?token=${secrets.hook}` });
    secrets.webhookSecret = created.secret!;
    secrets.rotatedWebhookSecret = (await webhooks.rotate(created.endpoint!.id)).secret!;
    secrets.accountWebhookSecret = (await webhooks.rotate(null)).secret!;
    receiver.answerWith(
      (response) => void response.writeHead(500, { 'x-echo': secrets.webhookSecret }).end(`no ${secrets.hook}`),
    );

    // A job that succeeds with a signed link, through a callback whose URL is secret.
    secrets.signature = canary('Signature');
    const link = `https://cdn.example.com/result.mp4?X-Amz-Signature=${secrets.signature}`;
    const job = await client.generate();
    const submit = await upstream.nextSubmit();
    const callbackUrl = submit.body.callback_url!;
    secrets.callbackMac = callbackUrl.split('.').at(-1)!;
    upstream.records.set('canary-task', recordOf('canary-task', callbackUrl, successOf('canary-task', link)));
    submit.answer(200, { task_id: 'canary-task' });
    const reach = callbackUrl.replace('http://gateway.invalid', gateway.url);
    expect(await callBack(reach, successOf('canary-task', link))).toBe(200);
    expect(await callBack(reach, `{"task_id": "canary-task", "video_url": "${link}`)).toBe(200);
    expect(await callBack(reach.slice(0, -1), successOf('canary-task', link))).toBe(404);
    await client.untilEnd(job.id);
    tell(
      await ask(client, 'query ($id: ID!) { motionJob(id: $id) { id state timeline { nodes { type message } } } }', {
        id: job.id,
      }),
    );

    await expect.poll(() => receiver.received.length).toBe(2);
    expect(
      receiver.received.every(
        (received) =>
          isBelieved(received, secrets.webhookSecret!) && isBelieved(received, secrets.rotatedWebhookSecret!),
      ),
    ).toBe(true);
    await expect.poll(async () => (await webhooks.deliveries()).nodes.map(({ state }) => state)).toEqual(['FAILED']);
    tell(await webhooks.deliveries());

    // The upstream rejects a job and repeats the request in its answer.
    const refused = await client.generate({ prompt: 'refused' });
    (await upstream.nextSubmit()).answer(400, {
      success: false,
      error: {
        code: 'bad_request',
        message: `bad callback_url ${callbackUrl}, result ${link}, token Bearer ${secrets.upstreamToken}`,
      },
      trace_id: 'a',
    });
    await client.untilEnd(refused.id);
    tell(
      await ask(
        client,
        'query ($id: ID!) { motionJob(id: $id) { failure { code message } timeline { nodes { type message } } } }',
        { id: refused.id },
      ),
    );
    const unconfirmed = await client.generate({ prompt: 'cut' });
    const cut = await upstream.nextSubmit();
    upstream.records.set('late', recordOf('late', cut.body.callback_url, failureOf('late', 'api_error', `no ${link}`)));
    cut.cut();
    await callBack(
      cut.body.callback_url!.replace('http://gateway.invalid', gateway.url),
      failureOf('late', 'api_error', `no ${link}`),
    );
    await client.untilEnd(unconfirmed.id);

    // REST: a receiver whose URL is a secret, a result whose link is one, and requests that fail.
    secrets.restHook = canary('RestHook');
    secrets.restSignature = canary('RestSignature');
    const signed = `https://cdn.example.com/rest.mp4?X-Amz-Signature=${secrets.restSignature}`;
    const rest = createRestClient({ url: gateway.url, apiKey: secrets.rotatedKey });
    const listener = await startWebhookReceiver();
    const restCallback = `${listener.url}?token=${secrets.restHook}`;
    const taskId = await rest.take({ callback_url: restCallback });
    const taken = await upstream.nextSubmit();
    upstream.records.set(
      'canary-rest',
      recordOf('canary-rest', taken.body.callback_url, successOf('canary-rest', signed)),
    );
    taken.answer(200, { task_id: 'canary-rest' });
    await callBack(
      taken.body.callback_url!.replace('http://gateway.invalid', gateway.url),
      successOf('canary-rest', signed),
    );
    await expect.poll(() => listener.received.length).toBe(1);
    expect(listener.received[0]!.body).toContain(secrets.restSignature);
    expect(JSON.stringify((await rest.retrieve(taskId)).body)).toContain(secrets.restHook);
    tell((await rest.post('/kling/motion', { image_url: 1, callback_url: restCallback })).body);
    tell((await rest.post('/kling/tasks', { action: 'retrieve', id: secrets.restHook })).body);

    // Credentials in every wrong place.
    secrets.wrongKey = canary('Wrong');
    for (const path of [
      `/graphql?key=${secrets.rotatedKey}&authorization=${secrets.wrongKey}`,
      `/${secrets.rotatedKey}`,
      `/callbacks/${secrets.wrongKey}/${secrets.rotatedKey}`,
    ]) {
      tell(
        await (
          await fetch(`${gateway.url}${path}`, {
            method: 'POST',
            headers: { authorization: `Bearer ${secrets.wrongKey}`, 'content-type': 'application/json' },
            body: '{',
          })
        ).text(),
      );
    }
    tell(await ask(clientWith(gateway, secrets.wrongKey), '{ viewer { account { id } } }'));
    const socket = await openSocket(gateway, { init: false });
    socket.send({ type: 'connection_init', payload: { authorization: `Bearer ${secrets.wrongKey}` } });
    expect(await socket.closed).toBe(4403);
    const watching = await openSocket({ url: gateway.url, apiKey: secrets.clientToken });
    watching.send(subscribe('1', 'subscription ($id: ID!) { jobUpdated(id: $id) { id state } }', { id: job.id }));
    tell(await watching.next());

    tell(
      await (
        await fetch(`${gateway.url}/metrics`, { headers: { authorization: `Bearer ${secrets.administratorKey}` } })
      ).text(),
    );

    // Internal errors with secrets among the parameters: when a job is accepted, when it is settled, and when a key is
    // created.
    await asAdministrator(
      `create function fail() returns trigger language plpgsql as $$ begin raise exception 'planted'; end $$; create trigger fail before insert on jobs for each row execute function fail()`,
      databaseUrl,
    );
    tell(
      await ask(client, 'mutation ($input: GenerateMotionInput!) { generateMotion(input: $input) { job { id } } }', {
        input: { ...EXAMPLE, videoUrl: link, idempotencyKey: secrets.wrongKey },
      }),
    );
    await asAdministrator(
      `drop trigger fail on jobs; create trigger fail before update on jobs for each row execute function fail()`,
      databaseUrl,
    );
    expect(await callBack(reach, { ...successOf('canary-task', link), extra: 1 })).toBeLessThan(600);
    await asAdministrator(
      'drop trigger fail on jobs; create trigger fail before insert on api_keys for each row execute function fail()',
      databaseUrl,
    );
    tell(await ask(first, CREATE_KEY, { input: { name: 'third', scopes: ['JOBS_READ'] } }));
    await asAdministrator('drop trigger fail on api_keys', databaseUrl);
    expect(answers.join('\n')).not.toContain('GRAPHQL_VALIDATION_FAILED');
    expect(answers.filter((text) => text.includes('INTERNAL_SERVER_ERROR'))).toHaveLength(2);

    const kept = Object.fromEntries(Object.entries(secrets).filter(([name]) => name !== 'wrongKey'));
    expect(namesIn(logOf(gateway), secrets)).toEqual([]);
    expect(namesIn(answers.join('\n'), secrets)).toEqual([]);
    // Clients need the links of results and the URLs of receivers, which are stored only here.
    expect(await placesOf(kept, databaseUrl)).toEqual([
      'hook in webhook_deliveries.url',
      'hook in webhook_endpoints.url',
      'restHook in jobs.webhook_url',
      // The REST record of a task echoes the request.
      'restHook in rest_bodies.body',
      'restHook in webhook_deliveries.url',
      // The job as the API shows it to its account.
      'restHook in webhook_events.body',
      'restSignature in jobs.result_url',
      'restSignature in webhook_deliveries.body',
      'restSignature in webhook_events.body',
      'signature in jobs.result_url',
      'signature in webhook_events.body',
    ]);
    await client.stop();
    await first.stop();
  });

  test('are not printed by a start that fails', async () => {
    const secrets = {
      administratorKey: canary('Administrator'),
      appSecret: canary('App'),
      databasePassword: canary('Database'),
      upstreamToken: canary('Upstream'),
    };
    const settings = {
      API_KEY: secrets.administratorKey,
      APP_SECRET: secrets.appSecret,
      ACEDATA_API_TOKEN: secrets.upstreamToken,
    };
    const starts = [
      { ...settings, DATABASE_URL: `postgres://user:${secrets.databasePassword}@127.0.0.1:1/nothing` },
      { ...settings, DATABASE_URL: `postgres://user:${secrets.databasePassword}@no.such.host.invalid/nothing` },
      { ...settings, DATABASE_URL: `mysql://user:${secrets.databasePassword}@127.0.0.1/nothing` },
      {
        ...settings,
        API_KEY: `${secrets.administratorKey} `,
        APP_SECRET: `x,${secrets.appSecret}`,
        ACEDATA_API_TOKEN: `${secrets.upstreamToken}\n`,
        DATABASE_URL: secrets.databasePassword,
        PORT: 'none',
      },
    ];
    for (const start of starts) {
      const process = startProcess(start);
      expect(await process.ended).toBe(1);
      expect(process.output().length).toBeGreaterThan(10);
      expect(namesIn(process.output(), secrets)).toEqual([]);
    }
  });
});
