/**
 * The records by which repeated requests join earlier ones: the decisions that they lead to, the instances that are
 * responsible for them, and their deletion.
 */
import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import pino from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createConnections } from '../../../src/db/connection/client.ts';
import { createRejoinStore } from '../../../src/db/jobs/rejoin.ts';
import { matchEarlier } from '../../../src/jobs/rejoin/rejoin-rules.ts';
import type { EarlierRequest } from '../../../src/jobs/ports/rejoin.ts';
import { createRejoin } from '../../../src/jobs/rejoin/rejoin.ts';
import { makeAccount } from '../../support/administrator.ts';
import { held, hungUp, sharedJoining, startJoining, type Stage } from '../../support/joining.ts';

describe('the decision on earlier requests', () => {
  const limits = { joinMs: 900_000, leaseMs: 10_000 };
  const request = (jobId: string, more: Partial<EarlierRequest> = {}): EarlierRequest => ({
    jobId,
    state: 'OPEN',
    unansweredForMs: null,
    doubtfulSinceMs: null,
    askedForMs: null,
    openAtMs: 1_000,
    ...more,
  });
  const unanswered = (jobId: string, forMs = 0): EarlierRequest =>
    request(jobId, { state: 'UNANSWERED', unansweredForMs: forMs });
  const doubtful = (jobId: string, sinceMs: number, forMs = 890_000): EarlierRequest => ({
    ...unanswered(jobId, forMs),
    doubtfulSinceMs: sinceMs,
  });

  test.each<[string, EarlierRequest[], object]>([
    ['no earlier request', [], { kind: 'none' }],
    ['one unanswered request', [unanswered('a')], { kind: 'joined', jobId: 'a' }],
    ['the newest of two unanswered requests', [unanswered('b'), unanswered('a')], { kind: 'joined', jobId: 'b' }],
    ['an unanswered request that is too old', [unanswered('a', 900_000)], { kind: 'none' }],
    ['an open request whose connection was not seen since', [request('a')], { kind: 'unsure', jobIds: ['a'] }],
    ['an unanswered request before an open one', [request('b'), unanswered('a')], { kind: 'joined', jobId: 'a' }],
    ['an open request whose connection was seen since', [request('a', { openAtMs: 5_000 })], { kind: 'none' }],
    [
      'an open request whose instance has been asked',
      [request('a', { askedForMs: 9_999 })],
      { kind: 'unsure', jobIds: ['a'] },
    ],
    [
      'a request whose answer is in doubt and was written before this one arrived',
      [doubtful('a', 4_700)],
      { kind: 'joined', jobId: 'a' },
    ],
    [
      'a request whose answer is in doubt and was written after this one arrived',
      [doubtful('a', 4_701)],
      { kind: 'none' },
    ],
    ['a request whose answer was in doubt for too long', [doubtful('a', 4_700, 900_000)], { kind: 'none' }],
    [
      'an unanswered request before one in doubt that cannot be joined',
      [doubtful('b', 4_701), unanswered('a')],
      { kind: 'joined', jobId: 'a' },
    ],
    [
      'an open request whose instance does not respond',
      [request('a', { askedForMs: 10_000 })],
      { kind: 'joined', jobId: 'a' },
    ],
  ])('%s', (_name, earlier, match) => {
    expect(matchEarlier(earlier, { arrivedMs: 4_700, sinceMs: 5_000 }, limits)).toEqual(match);
  });
});

function storeOf({ gateway }: Stage) {
  const connections = createConnections(gateway.databaseUrl, 1, () => undefined);
  onTestFinished(() => connections.pool.end());
  return createRejoinStore(connections);
}

/** Locks the record, as a slow transaction would. Returns a function that releases the lock. */
async function lockRecord({ gateway }: Stage, jobId: string): Promise<() => Promise<unknown>> {
  const client = new pg.Client({ connectionString: gateway.databaseUrl });
  await client.connect();
  onTestFinished(() => client.end());
  await client.query('begin');
  await client.query('select from rest_requests where job_id = $1 for update', [jobId]);
  return () => client.query('commit');
}

const waitingForLocks = async (stage: Stage): Promise<number> =>
  (
    await stage.sql<{ waiting: number }>(
      `select count(*)::int as waiting from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    )
  )[0]!.waiting;

describe('a record', () => {
  const common = sharedJoining();

  test('of an open connection that this instance does not know is not confirmed by it', async () => {
    const stage = common();
    const [{ hangUp }] = [await held(stage), await held(stage, { prompt: 'another' })];
    const [first, second] = await stage.jobs();
    // As if the commit of the first one had got no answer: the row exists, but no instance tracks the connection.
    hangUp();
    await expect.poll(stage.states).toEqual(['UNANSWERED', 'OPEN']);
    await stage.sql(`update rest_requests set state = 'OPEN', unanswered_at = null where job_id = '${first}'`);
    await stage.sql('update rest_requests set asked_at = clock_timestamp()');
    await expect
      .poll(async () => stage.sql('select job_id from rest_requests where confirmed_at is not null'))
      .toEqual([{ job_id: second }]);
    stage.open();
    await expect.poll(stage.gateway.live.watchers).toBe(2);
    expect(await stage.jobs()).toEqual([first, second]);
  });

  test('that another instance has answered is not overwritten by a late report', async () => {
    const stage = common();
    await hungUp(stage);
    const [jobId] = await stage.jobs();
    const store = storeOf(stage);
    const [late, other] = ['0199c0de-0000-7000-8000-00000000000a', '0199c0de-0000-7000-8000-00000000000b'];
    await store.reopen(jobId!, other, Date.now());
    // A record that another instance is about to answer is not overwritten, either.
    await store.recordAnswers(late, [jobId!], 'UNANSWERED', true);
    await store.recordDoubts(late, [jobId!], Date.now(), 890_000);
    expect(await stage.states()).toEqual(['OPEN']);
    await store.recordAnswers(other, [jobId!], 'ANSWERED', true);
    await store.recordAnswers(late, [jobId!], 'UNANSWERED', true);
    expect(await stage.states()).toEqual(['ANSWERED']);
    await store.recordDoubts(late, [jobId!], Date.now(), 890_000);
    expect(await stage.states()).toEqual(['ANSWERED']);
    // The answering instance itself may overwrite it: the connection was reset after the answer.
    await store.recordAnswers(other, [jobId!], 'UNANSWERED', true);
    expect(await stage.states()).toEqual(['UNANSWERED']);
  });

  test('becomes unanswered if the connection is reset while the answer is being recorded', async () => {
    const stage = common();
    await hungUp(stage);
    const [jobId] = await stage.jobs();
    const instanceId = '0199c0de-0000-7000-8000-00000000000a';
    const limits = { joinMs: 900_000, holdMs: 600_000, leaseMs: 10_000, doubtMs: 10_000, breakMs: 0 };
    const store = storeOf(stage);
    const rejoin = createRejoin({
      store,
      accept: () => Promise.reject(new Error('not asked for')),
      instanceId,
      limits,
      log: pino({ level: 'silent' }),
    });
    rejoin.start();
    onTestFinished(() => rejoin.stop());
    for (const [earlier, left] of [
      ['ANSWERED', null],
      ['DOUBTFUL', false],
    ] as const) {
      await store.reopen(jobId!, instanceId, Date.now());
      const release = await lockRecord(stage, jobId!);
      rejoin.ended(jobId!, earlier);
      await expect.poll(() => waitingForLocks(stage)).toBe(1);
      rejoin.ended(jobId!, 'UNANSWERED');
      await release();
      await expect.poll(() => waitingForLocks(stage)).toBe(0);
      await expect
        .poll(() => stage.sql('select state, confirmed_at > unanswered_at as doubtful from rest_requests'))
        .toEqual([{ state: 'UNANSWERED', doubtful: left }]);
    }
  });

  test('of an answer in doubt can be joined for a while by requests that arrived after the answer, and by no earlier one', async () => {
    const stage = common();
    await held(stage);
    const [jobId] = await stage.jobs();
    const [{ key_id: keyId, body_hash: bodyHash, instance_id: instanceId }] = (await stage.sql(
      'select key_id, body_hash, instance_id from rest_requests',
    )) as [Record<'key_id' | 'body_hash' | 'instance_id', string>];
    const store = storeOf(stage);
    await store.recordDoubts(instanceId, [jobId!], Date.now() - 2_000, 890_000);
    const rows = await stage.sql(
      `select state, (extract(epoch from clock_timestamp() - confirmed_at))::int as written, (extract(epoch from clock_timestamp() - unanswered_at))::int as unanswered from rest_requests`,
    );
    expect(rows).toEqual([{ state: 'UNANSWERED', written: 2, unanswered: 890 }]);
    const connections = createConnections(stage.gateway.databaseUrl, 1, () => undefined);
    onTestFinished(() => connections.pool.end());
    const { nowMs, earlier } = await connections.db.transaction((tx) =>
      store.findEarlier(tx as never, { keyId, bodyHash }, 1_500_000),
    );
    expect(
      matchEarlier(earlier, { arrivedMs: nowMs - 1_900, sinceMs: nowMs }, { joinMs: 900_000, leaseMs: 10_000 }),
    ).toEqual({
      kind: 'joined',
      jobId,
    });
    expect(
      matchEarlier(earlier, { arrivedMs: nowMs - 2_900, sinceMs: nowMs }, { joinMs: 900_000, leaseMs: 10_000 }),
    ).toEqual({
      kind: 'none',
    });
    // A reset ends the doubt: the client did not read the answer, regardless of when the repeat arrived.
    await store.recordAnswers(instanceId, [jobId!], 'UNANSWERED', true);
    const { earlier: after } = await connections.db.transaction((tx) =>
      store.findEarlier(tx as never, { keyId, bodyHash }, 1_500_000),
    );
    expect(
      matchEarlier(after, { arrivedMs: nowMs - 2_900, sinceMs: nowMs }, { joinMs: 900_000, leaseMs: 10_000 }),
    ).toEqual({
      kind: 'joined',
      jobId,
    });
  });

  test('is looked up over one connection by many identical requests, which leaves the other connections to other requests', async () => {
    const stage = await startJoining({ DATABASE_POOL_SIZE: '4' });
    const other = await makeAccount(stage.gateway);
    await held(stage);
    const [like] = await stage.sql<{ key_id: string; body_hash: string }>(
      'select key_id, body_hash from rest_requests',
    );
    const elsewhere = new pg.Client({ connectionString: stage.gateway.databaseUrl });
    await elsewhere.connect();
    onTestFinished(() => elsewhere.end());
    // Another instance performs the same lookup and is slow.
    await elsewhere.query('begin');
    await elsewhere.query('select pg_advisory_xact_lock(hashtextextended($1, 0))', [
      `request ${like!.key_id} ${like!.body_hash}`,
    ]);
    for (let number = 0; number < 20; number += 1) stage.open();
    const waiting = () =>
      stage.sql<{ waiting: number }>(
        `select count(*)::int as waiting from pg_locks where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())`,
      );
    await expect.poll(waiting).toEqual([{ waiting: 1 }]);
    for (let number = 0; number < 5; number += 1)
      expect(await other.client.request('{ viewer { account { id } } }')).toMatchObject({
        data: { viewer: { account: { id: other.id } } },
      });
    expect(await waiting()).toEqual([{ waiting: 1 }]);
    await elsewhere.query('rollback');
  });

  test('of a dead instance is reopened by the instance that answers it now', async () => {
    const stage = common();
    await held(stage);
    const [jobId] = await stage.jobs();
    const [gone, here] = ['0199c0de-0000-7000-8000-00000000000a', '0199c0de-0000-7000-8000-00000000000b'];
    await stage.sql(`update rest_requests set instance_id = '${gone}', asked_at = clock_timestamp() - interval '1 h'`);
    // The record is open as of this time, and not as of the write.
    const openAtMs = Date.now() - 5_000;
    await storeOf(stage).reopen(jobId!, here, openAtMs);
    expect(await stage.sql('select state, instance_id, asked_at, opened_at from rest_requests')).toEqual([
      { state: 'OPEN', instance_id: here, asked_at: null, opened_at: new Date(openAtMs) },
    ]);
  });

  test('is confirmed as of the time at which the question was read, however late the confirmation is written', async () => {
    const stage = common();
    await held(stage);
    const instanceId = '0199c0de-0000-7000-8000-00000000000a';
    await stage.sql(`update rest_requests set instance_id = '${instanceId}', asked_at = clock_timestamp()`);
    const store = storeOf(stage);
    const { nowMs, jobIds } = await store.findAsked(instanceId);
    await setTimeout(200);
    await store.confirmOpen(jobIds, nowMs);
    const [{ late }] = (await stage.sql<{ late: number }>(
      'select (extract(epoch from clock_timestamp() - confirmed_at) * 1000)::float8 as late from rest_requests',
    )) as [{ late: number }];
    expect(late).toBeGreaterThan(190);
    expect((await store.findAsked(instanceId)).jobIds).toEqual([]);
  });

  test('is deleted once no request can join it any more, in batches, oldest first', async () => {
    const stage = common();
    for (const prompt of ['one', 'two', 'three', 'four']) await hungUp(stage, { prompt });
    const [one, two, three, four] = await stage.jobs();
    const age = (id: string | undefined, opened: string, unanswered: string) =>
      stage.sql(
        `update rest_requests set opened_at = now() - interval '${opened}', unanswered_at = now() - interval '${unanswered}' where job_id = '${id}'`,
      );
    await age(one, '2 h', '2 h');
    await age(two, '3 h', '90 min');
    await age(three, '3 h', '1 min');
    const { forgetRequests, findSent } = storeOf(stage);
    expect(await forgetRequests(3_600_000, 1)).toBe(1);
    expect(await forgetRequests(3_600_000, 10)).toBe(1);
    expect(await forgetRequests(3_600_000, 10)).toBe(0);
    expect(await stage.sql('select job_id from rest_requests order by opened_at')).toEqual([
      { job_id: three },
      { job_id: four },
    ]);
    // The body that the client sent is kept as long as the job.
    expect([...(await findSent('default', [one!, two!])).keys()].sort()).toEqual([one, two].sort());
    expect([...(await findSent('another', [one!, two!])).keys()]).toEqual([]);
  });
});
