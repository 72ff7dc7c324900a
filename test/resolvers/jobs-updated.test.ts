/** Tests `jobsUpdated` as a client sees it, over real sockets and at several instances of one gateway. */
import { randomUUID } from 'node:crypto';
import { describe, expect, onTestFinished, test } from 'vitest';
import { encodeCursor } from '../../src/jobs/model/snapshot.ts';
import { clientWith, makeAccount } from '../support/administrator.ts';
import { createClient } from '../support/client.ts';
import { asAdministrator, createDatabase } from '../support/database.ts';
import { startFakeUpstream, successOf } from '../support/fake-upstream.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { shared } from '../support/on-end.ts';

interface Update {
  readonly cursor: string;
  readonly job: { readonly id: string; readonly version: number; readonly state: string };
}

interface Result {
  readonly data?: { readonly jobsUpdated: Update } | null;
  readonly errors?: readonly { readonly extensions: { readonly code: string } }[];
}

const subscribe = ({ client }: Pick<TestGateway, 'client'>, after?: string | null) =>
  client.socket.iterate({
    query: 'subscription ($after: String) { jobsUpdated(after: $after) { cursor job { id version state } } }',
    variables: { after },
  }) as AsyncIterableIterator<Result>;

/** Subscribes, and waits until the subscription is active. */
async function subscribeNow(gateway: TestGateway): Promise<AsyncIterableIterator<Result>> {
  const before = gateway.live.watchers();
  const updates = subscribe(gateway);
  await expect.poll(gateway.live.watchers).toBe(before + 1);
  return updates;
}

/** Reads until an update satisfies `isLast`, and returns that update with all before it. */
async function readUntil(updates: AsyncIterator<Result>, isLast: (update: Update) => boolean): Promise<Update[]> {
  const read: Update[] = [];
  for (;;) {
    const result = await updates.next();
    const update = result.done ? undefined : result.value.data?.jobsUpdated;
    if (!update) throw new Error(`no update came: ${JSON.stringify(result)}`);
    read.push(update);
    if (isLast(update)) return read;
  }
}

async function list({ client }: Pick<TestGateway, 'client'>, after: string | null = null) {
  const { data } = await client.request<{
    motionJobs: {
      updatesCursor: string | null;
      nodes: { id: string; version: number }[];
      pageInfo: { endCursor: string | null };
    };
  }>(
    'query ($after: String) { motionJobs(first: 2, after: $after) { updatesCursor nodes { id version } pageInfo { endCursor } } }',
    { after },
  );
  return data.motionJobs;
}

async function startTwo() {
  const upstream = await startFakeUpstream();
  const settings = { ...upstream.settings, DATABASE_URL: await createDatabase() };
  return { upstream, settings, a: await startGateway(settings), b: await startGateway(settings) };
}

describe('jobsUpdated', () => {
  const two = shared(startTwo);

  test('follows every job of the account until its end, whichever instance accepts and settles it', async () => {
    const { upstream, a, b } = two();
    const [fromA, fromB] = [await subscribeNow(a), await subscribeNow(b)];
    const first = await a.client.generate();
    (await upstream.nextSubmit()).answer(200, successOf('t1'));
    const second = await b.client.generate();
    (await upstream.nextSubmit()).answer(200, successOf('t2'));
    for (const updates of [fromA, fromB]) {
      const ended = new Set<string>();
      const read = await readUntil(updates, ({ job }) => job.state === 'SUCCEEDED' && ended.add(job.id).size === 2);
      expect(ended).toEqual(new Set([first.id, second.id]));
      for (const { id } of [first, second]) {
        const versions = read.filter(({ job }) => job.id === id).map(({ job }) => job.version);
        expect(versions).toEqual([...new Set(versions)].sort((x, y) => x - y));
      }
    }
  });

  test('resumes from a cursor without a gap at the other instance, and after a restart of all instances', async () => {
    const { settings, a, b } = await startTwo();
    const updates = await subscribeNow(a);
    const first = await a.client.generate();
    const [{ cursor }] = (await readUntil(updates, ({ job }) => job.id === first.id)).slice(-1) as [Update];
    await updates.return!();
    const second = await a.client.generate();
    const [read] = (await readUntil(subscribe(b, cursor), ({ job }) => job.id === second.id)).slice(-1) as [Update];
    await b.client.stop();
    for (const { client, stop } of [a, b]) {
      await client.stop();
      await stop();
    }
    const c = await startGateway(settings);
    const third = await c.client.generate();
    await readUntil(subscribe(c, read.cursor), ({ job }) => job.id === third.id);
    await readUntil(subscribe(c, cursor), ({ job }) => job.id === third.id);
  });

  test('resumes from a list and yields every later change, however late the subscription starts', async () => {
    const { upstream, ...gateways } = two();
    const account = await makeAccount(gateways.a);
    const [a, b] = [account, { client: clientWith(gateways.b, account.key) }];
    onTestFinished(() => a.client.stop());
    expect((await list(a)).nodes).toEqual([]);
    const jobs = [await a.client.generate(), await a.client.generate(), await a.client.generate()];
    const page = await list(b);
    const next = await list(b, page.pageInfo.endCursor);
    expect([page.nodes.length, typeof page.updatesCursor, next.nodes.length, next.updatesCursor]).toEqual([
      2,
      'string',
      1,
      page.updatesCursor,
    ]);
    await asAdministrator(
      `update jobs set version = version + 10, changed_xid = pg_current_xact_id() where id = '${jobs[0]!.id}'`,
      gateways.a.databaseUrl,
    );
    await readUntil(subscribe(a, page.updatesCursor), ({ job }) => job.id === jobs[0]!.id && job.version > 10);
    // Leaves no open jobs to the other tests.
    for (let count = 0; count < jobs.length; count += 1)
      (await upstream.nextSubmit()).answer(200, successOf(randomUUID()));
    for (const { id } of jobs) await a.client.untilEnd(id);
  });

  test('returns CURSOR_INVALID for a cursor that is malformed, too long, of another gateway, or from the future', async () => {
    const [a, { a: other }] = [await startGateway(), two()];
    const { updatesCursor } = await list(a);
    const history = Buffer.from(updatesCursor!, 'base64url').toString().split(' ')[1]!;
    const cursors = [
      'x',
      '',
      'A'.repeat(5_000),
      (await list(other)).updatesCursor,
      encodeCursor(history, { xmax: 2n ** 64n - 1n, inProgress: [] }),
    ];
    for (const cursor of cursors) {
      expect(await subscribe(a, cursor).next()).toMatchObject({
        value: {
          errors: [
            { extensions: { code: 'CURSOR_INVALID' }, message: expect.stringContaining('updatesCursor') as string },
          ],
        },
      });
    }
    expect(a.live.watchers()).toBe(0);
  });

  test('ends with its socket and with the server, and leaves nothing behind', async () => {
    const a = await startGateway();
    const extra = createClient(a);
    onTestFinished(() => extra.stop());
    await subscribeNow({ ...a, client: extra });
    await subscribeNow(a);
    await extra.stop();
    await expect.poll(a.live.watchers).toBe(1);
  });
});
