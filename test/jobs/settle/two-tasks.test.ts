/** Two tasks for one job. This should not happen, because both may have been charged. */
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { accepted, inDoubt, reportOf, startCore } from '../../support/core.ts';
import { outcomes } from '../../support/life.ts';

test("the answer to a job's own submit outranks a task id adopted from a look-up, and the two tasks are logged as an error", async () => {
  const { accept, submitNext, receive, reconcile, play, find, sql, errors } = await startCore();
  const id = await accept();
  play.submit = async () => {
    await receive(id, { taskId: 'b', outcome: outcomes.success }, 'first');
    play.lookUp = () => Promise.resolve(new Map([['b', reportOf('b', id, { kind: 'running' })]]));
    await reconcile();
    expect(await find(id)).toMatchObject({ taskId: 'b' });
    return accepted('a');
  };
  await submitNext();
  expect(await find(id)).toMatchObject({ state: 'PROCESSING', taskId: 'a' });
  expect(errors).toEqual(['a job has two tasks']);
  const asked: string[] = [];
  play.lookUp = (taskIds) => {
    asked.push(...taskIds);
    return Promise.resolve(new Map([['a', reportOf('a', id)]]));
  };
  await reconcile();
  expect(asked).toContain('a');
  expect(await find(id)).toMatchObject({ state: 'SUCCEEDED', taskId: 'a' });
  expect(await sql(`select count(*)::int as count from job_events where type = 'ATTEMPT_ENDED'`)).toEqual([
    { count: 1 },
  ]);
});

test('a job that has ended with an adopted task keeps its end, and the end of the attempt still appears in the timeline', async () => {
  const { accept, submitNext, receive, reconcile, play, find, sql, errors } = await startCore();
  const id = await accept();
  play.submit = async () => {
    await receive(id, { taskId: 'b', outcome: outcomes.success }, 'first');
    play.lookUp = () => Promise.resolve(new Map([['b', reportOf('b', id)]]));
    await reconcile();
    expect(await find(id)).toMatchObject({ state: 'SUCCEEDED' });
    return accepted('a');
  };
  await submitNext();
  expect(await find(id)).toMatchObject({ state: 'SUCCEEDED', taskId: 'b' });
  expect(errors).toEqual(['a job has two tasks']);
  expect(await sql(`select count(*)::int as count from job_events where type = 'ATTEMPT_ENDED'`)).toEqual([
    { count: 1 },
  ]);
});

test('a claim of a second task that echoes the same job changes nothing and is logged as an error', async () => {
  const { accept, submitNext, receive, reconcile, play, find, errors } = await startCore();
  const id = await accept();
  play.submit = () => Promise.resolve(accepted('a'));
  await submitNext();
  await receive(id, { taskId: 'b', outcome: outcomes.success }, 'first');
  play.lookUp = (taskIds) =>
    Promise.resolve(new Map(taskIds.map((taskId) => [taskId, reportOf(taskId, id, { kind: 'running' })])));
  await reconcile();
  expect(await find(id)).toMatchObject({ state: 'PROCESSING', taskId: 'a' });
  expect(errors).toContain('a job has two tasks');
});

describe('a task named in an error response to the submit', () => {
  test('is recorded and looked up, and its result settles the job', async () => {
    const { accept, submitNext, reconcile, play, find, sql } = await startCore();
    const id = await accept();
    play.submit = () => Promise.resolve(inDoubt('job', 'a'));
    await submitNext();
    expect(await find(id)).toMatchObject({ state: 'UNCONFIRMED', taskId: 'a' });
    expect(await sql(`select http_status from job_events where type = 'ATTEMPT_ENDED'`)).toEqual([
      { http_status: 500 },
    ]);
    play.lookUp = () => Promise.resolve(new Map([['a', reportOf('a', id)]]));
    await sql('update jobs set next_poll_at = now()');
    await reconcile();
    expect(await find(id)).toMatchObject({ state: 'SUCCEEDED', settledBy: 'POLL', taskId: 'a' });
  });

  test('that belongs to another job leaves the job in doubt', async () => {
    const { accept, submitNext, play, find } = await startCore();
    const [first, second] = [await accept(), await accept()];
    play.submit = (jobId) => Promise.resolve(jobId === first ? accepted('a') : inDoubt('job', 'a'));
    await submitNext();
    await submitNext();
    expect(await find(first)).toMatchObject({ state: 'PROCESSING', taskId: 'a' });
    expect(await find(second)).toMatchObject({ state: 'UNCONFIRMED', taskId: null });
  });

  test.each(['unknown to the upstream', 'made for another job'])(
    'that is %s is replaced by the task that echoes the job',
    async (how) => {
      const { accept, submitNext, receive, reconcile, play, find } = await startCore();
      const id = await accept();
      play.submit = () => Promise.resolve(inDoubt('job', 'x'));
      await submitNext();
      await receive(id, { taskId: 'r', outcome: outcomes.success }, 'first');
      play.lookUp = () =>
        Promise.resolve(
          new Map([
            ['r', reportOf('r', id)],
            ...(how.startsWith('made') ? [['x', reportOf('x', randomUUID())] as const] : []),
          ]),
        );
      await reconcile();
      expect(await find(id)).toMatchObject({ state: 'SUCCEEDED', taskId: 'r' });
    },
  );

  test('is replaced by the first of two tasks that echo the job, which is not replaced by the second', async () => {
    const { accept, submitNext, receive, reconcile, play, find } = await startCore();
    const id = await accept();
    play.submit = () => Promise.resolve(inDoubt('job', 'x'));
    await submitNext();
    for (const taskId of ['r', 's']) await receive(id, { taskId, outcome: outcomes.success }, taskId);
    play.lookUp = () =>
      Promise.resolve(new Map(['r', 's'].map((taskId) => [taskId, reportOf(taskId, id, { kind: 'running' })])));
    await reconcile();
    // In doubt, then another task, then running: the second one causes no change.
    expect(await find(id)).toMatchObject({
      state: 'PROCESSING',
      taskId: expect.stringMatching(/^[rs]$/) as string,
      version: 5,
    });
    await reconcile();
    expect(await find(id)).toMatchObject({ state: 'PROCESSING', version: 5 });
  });

  test('is replaced by a task that a listing shows', async () => {
    const { accept, submitNext, reconcile, play, find, sql } = await startCore({ listing: true });
    const id = await accept();
    play.submit = () => Promise.resolve(inDoubt('job', 'x'));
    await submitNext();
    play.list = () => Promise.resolve([reportOf('r', id)]);
    await sql('update jobs set next_poll_at = now()');
    await reconcile();
    expect(await find(id)).toMatchObject({ state: 'SUCCEEDED', taskId: 'r' });
  });

  test('does not replace a task that a look-up has confirmed for the job', async () => {
    const { accept, submitNext, receive, reconcile, play, find } = await startCore();
    const id = await accept();
    play.submit = async () => {
      await receive(id, { taskId: 'r', outcome: outcomes.success }, 'first');
      play.lookUp = () => Promise.resolve(new Map([['r', reportOf('r', id, { kind: 'running' })]]));
      await reconcile();
      return inDoubt('job', 'x');
    };
    await submitNext();
    expect(await find(id)).toMatchObject({ state: 'PROCESSING', taskId: 'r' });
  });
});
