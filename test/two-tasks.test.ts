/** Two tasks of one job, which should not be: both may have been paid for. */
import { expect, test } from 'vitest';
import { accepted, reportOf, startCore } from './support/core.ts';
import { outcomes } from './support/life.ts';

test("its own submit's answer outranks the id that a look-up let it adopt, and both are told", async () => {
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
  expect(await sql(`select count(*)::int as count from job_events where type = 'ATTEMPT_ENDED'`)).toEqual([{ count: 1 }]);
});

test('one that has ended by the adopted one keeps its end, and the attempt its place in the timeline', async () => {
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
  expect(await sql(`select count(*)::int as count from job_events where type = 'ATTEMPT_ENDED'`)).toEqual([{ count: 1 }]);
});

test('a claim of another one that is ours too changes nothing and is told', async () => {
  const { accept, submitNext, receive, reconcile, play, find, errors } = await startCore();
  const id = await accept();
  play.submit = () => Promise.resolve(accepted('a'));
  await submitNext();
  await receive(id, { taskId: 'b', outcome: outcomes.success }, 'first');
  play.lookUp = (taskIds) => Promise.resolve(new Map(taskIds.map((taskId) => [taskId, reportOf(taskId, id, { kind: 'running' })])));
  await reconcile();
  expect(await find(id)).toMatchObject({ state: 'PROCESSING', taskId: 'a' });
  expect(errors).toContain('a job has two tasks');
});
