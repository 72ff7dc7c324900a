import { describe, expect, test } from 'vitest';
import {
  addFault,
  faultOf,
  isOutage,
  pauseFor,
  type Fault,
  type Trouble,
} from '../../../src/jobs/model/admission-gate.ts';
import { submittingJob } from '../../support/life.ts';

const fault = (accountId: string, inputHash: string, about: Fault['about'] = 'job'): Fault => ({
  accountId,
  inputHash,
  about,
});

describe('a fault', () => {
  test('records the account, the SHA-256 hash of the input, and what the fault is about', () => {
    const job = submittingJob();
    const one = faultOf(job, 'path');
    expect(one).toMatchObject({
      accountId: 'default',
      about: 'path',
      inputHash: expect.stringMatching(/^[\w-]{43}$/) as string,
    });
    expect(faultOf(job, 'job')).toEqual({ ...one, about: 'job' });
    expect(faultOf({ ...job, input: { ...job.input, prompt: 'another' } }, 'path').inputHash).not.toBe(one.inputHash);
  });

  test('is kept only while it is among the newest 20', () => {
    const faults = Array.from({ length: 25 }, (_, index) => fault('a', String(index)));
    const kept = faults.reduce<readonly Fault[]>(addFault, []);
    expect(kept).toEqual(faults.slice(5));
  });
});

test.each<[string, boolean, Fault[]]>([
  ['no fault', false, []],
  ['one fault of the path', false, [fault('a', '1', 'path')]],
  ['two faults of the path', true, [fault('a', '1', 'path'), fault('a', '1', 'path')]],
  ['one fault of the path and one of the job', false, [fault('a', '1', 'path'), fault('a', '1')]],
  ['two faults of one input', false, [fault('a', '1'), fault('a', '1')]],
  ['one account with two inputs', false, [fault('a', '1'), fault('a', '2'), fault('a', '2')]],
  ['one account with three inputs', true, [fault('a', '1'), fault('a', '2'), fault('a', '3')]],
  ['two accounts with one input', true, [fault('a', '1'), fault('b', '1')]],
])('%s: isOutage returns %s', (_name, expected, faults) => {
  expect(isOutage(faults)).toBe(expected);
});

test.each<[Trouble, string, number[]]>([
  ['unreachable', 'LOOK_UP', [1, 2, 5, 10, 30, 30, 30]],
  ['faulty', 'LOOK_UP', [1, 2, 5, 10, 30, 60, 60]],
  ['busy', 'JOB', [1, 2, 5, 10, 30, 60, 60]],
  ['blocked', 'JOB', [60, 120, 300, 600, 600]],
])('an upstream that is %s is probed with %s, after pauses that grow to a maximum', (trouble, probe, seconds) => {
  expect(seconds.map((_, before) => pauseFor(trouble, 'why', before))).toEqual(
    seconds.map((pause, before) => ({ reason: 'why', probe, pauseMs: pause * 1_000, pauseCount: before + 1 })),
  );
});
