/** The records that repeats join by: what is decided from them, who answers for them, and when they are forgotten. */
import { describe, expect, onTestFinished, test } from 'vitest';
import { createConnections } from '../src/db/client.ts';
import { createJoinStore } from '../src/db/join-store.ts';
import { judge, type EarlierRequest } from '../src/jobs/earlier-request.ts';
import { held, hungUp, startJoining } from './support/joining.ts';

describe('earlier requests', () => {
  const limits = { joinMs: 900_000, holdMs: 600_000, leaseMs: 10_000 };
  const request = (jobId: string, more: Partial<EarlierRequest> = {}): EarlierRequest => ({ jobId, state: 'OPEN', unansweredForMs: null, askedForMs: null, openAtMs: 1_000, ...more });
  const unanswered = (jobId: string, forMs = 0): EarlierRequest => request(jobId, { state: 'UNANSWERED', unansweredForMs: forMs });

  test.each<[string, EarlierRequest[], object]>([
    ['none', [], { kind: 'none' }],
    ['one unanswered', [unanswered('a')], { kind: 'joined', jobId: 'a' }],
    ['the newest unanswered', [unanswered('b'), unanswered('a')], { kind: 'joined', jobId: 'b' }],
    ['one too old', [unanswered('a', 900_000)], { kind: 'none' }],
    ['one of which nothing is known', [request('a')], { kind: 'unsure', jobIds: ['a'] }],
    ['an unanswered one beside it', [request('b'), unanswered('a')], { kind: 'joined', jobId: 'a' }],
    ['one that was seen open since', [request('a', { openAtMs: 5_000 })], { kind: 'none' }],
    ['one whose instance is asked', [request('a', { askedForMs: 9_999 })], { kind: 'unsure', jobIds: ['a'] }],
    ['one whose instance is silent', [request('a', { askedForMs: 10_000 })], { kind: 'joined', jobId: 'a' }],
  ])('%s', (_name, earlier, judgement) => {
    expect(judge(earlier, 5_000, limits)).toEqual(judgement);
  });
});

describe('a record', () => {
  test('of an open connection that this instance knows nothing of is not confirmed by it', async () => {
    const stage = await startJoining();
    const [{ hangUp }] = [await held(stage), await held(stage, { prompt: 'another' })];
    const [first, second] = await stage.jobs();
    // As if the commit of the first one had gone unanswered: the row is there, and nobody follows it.
    hangUp();
    await expect.poll(stage.states).toEqual(['UNANSWERED', 'OPEN']);
    await stage.sql(`update rest_requests set state = 'OPEN', unanswered_at = null where job_id = '${first}'`);
    await stage.sql('update rest_requests set asked_at = clock_timestamp()');
    await expect.poll(async () => stage.sql('select job_id from rest_requests where confirmed_at is not null')).toEqual([{ job_id: second }]);
    stage.open();
    await expect.poll(stage.gateway.live.watchers).toBe(2);
    expect(await stage.jobs()).toEqual([first, second]);
  });

  test('that another instance has answered is not taken back by one that hears late', async () => {
    const stage = await startJoining();
    await hungUp(stage);
    const [jobId] = await stage.jobs();
    const connections = createConnections(stage.gateway.databaseUrl, 1, () => undefined);
    onTestFinished(() => connections.pool.end());
    const store = createJoinStore(connections);
    const [late, other] = ['0199c0de-0000-7000-8000-00000000000a', '0199c0de-0000-7000-8000-00000000000b'];
    await store.reopen(jobId!, other);
    await store.recordAnswers(other, [jobId!], 'ANSWERED', true);
    await store.recordAnswers(late, [jobId!], 'UNANSWERED', true);
    expect(await stage.states()).toEqual(['ANSWERED']);
    // It itself may: the connection was reset after the answer.
    await store.recordAnswers(other, [jobId!], 'UNANSWERED', true);
    expect(await stage.states()).toEqual(['UNANSWERED']);
  });

  test('is forgotten when nothing can join it any more, a few at a time, the oldest first', async () => {
    const stage = await startJoining();
    for (const prompt of ['one', 'two', 'three', 'four']) await hungUp(stage, { prompt });
    const [one, two, three, four] = await stage.jobs();
    const age = (id: string | undefined, opened: string, unanswered: string) => stage.sql(`update rest_requests set opened_at = now() - interval '${opened}', unanswered_at = now() - interval '${unanswered}' where job_id = '${id}'`);
    await age(one, '2 h', '2 h');
    await age(two, '3 h', '90 min');
    await age(three, '3 h', '1 min');
    const connections = createConnections(stage.gateway.databaseUrl, 1, () => undefined);
    onTestFinished(() => connections.pool.end());
    const { forgetRequests, findSent } = createJoinStore(connections);
    expect(await forgetRequests(3_600_000, 1)).toBe(1);
    expect(await forgetRequests(3_600_000, 10)).toBe(1);
    expect(await forgetRequests(3_600_000, 10)).toBe(0);
    expect(await stage.sql('select job_id from rest_requests order by opened_at')).toEqual([{ job_id: three }, { job_id: four }]);
    // What was sent lives as long as the job.
    expect([...(await findSent('default', [one!, two!])).keys()].sort()).toEqual([one, two].sort());
    expect([...(await findSent('another', [one!, two!])).keys()]).toEqual([]);
  });
});
