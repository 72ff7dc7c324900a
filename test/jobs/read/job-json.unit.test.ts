import { expect, test } from 'vitest';
import { viewOf } from '../../../src/jobs/read/job-json.ts';
import { outcomes, submittingJob } from '../../support/life.ts';

test('the view of a job contains exactly what the API exposes', () => {
  const job = {
    ...submittingJob(),
    labels: [{ key: 'k', value: 'v' }],
    webhook: { url: 'https://a.com/hook', format: 'FLAT' as const },
    idempotencyKey: 'key',
    taskId: 't',
  };
  const { id, version, sandbox, input, labels, createdAt, updatedAt } = job;
  const common = {
    id,
    version,
    sandbox,
    ...input,
    labels,
    idempotencyKey: 'key',
    taskId: 't',
    createdAt,
    submittedAt: null,
    updatedAt,
  };
  expect(viewOf(job)).toEqual({
    ...common,
    state: 'SUBMITTING',
    isTerminal: false,
    webhookUrl: 'https://a.com/hook',
    video: null,
    failure: null,
    settledBy: null,
    completedAt: null,
  });
  if (outcomes.failure.kind !== 'failed') return expect.unreachable();
  const { failure } = outcomes.failure;
  expect(viewOf({ ...job, state: 'FAILED', failure, webhook: null })).toMatchObject({
    isTerminal: true,
    webhookUrl: null,
    failure: { ...failure, worthRetrying: true, final: true },
  });
  expect(viewOf({ ...job, state: 'FAILED', failure: { ...failure, code: 'INVALID_MEDIA' } })).toMatchObject({
    failure: { worthRetrying: false, final: true },
  });
  expect(viewOf({ ...job, state: 'FAILED', failure: { ...failure, code: 'TIMED_OUT' } })).toMatchObject({
    failure: { worthRetrying: true, final: false },
  });
});
