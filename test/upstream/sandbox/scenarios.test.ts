/** Every scenario of the sandbox: its answers, its callbacks, and how its task ends. */
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { scenarioOf, scenarios, type Scenario } from '../../../src/upstream/sandbox/scenarios.ts';
import { startCallbackReceiver } from '../../support/callback-receiver.ts';
import { accepted, failure, like, refused, startSandbox, success, type Answer } from '../../support/sandbox.ts';

interface Play {
  /** The answers to the same submit, sent repeatedly. */
  readonly answers: readonly Answer<unknown>[];
  /** The callbacks, each with its delay after the end of the task, in durations of the task. */
  readonly callbacks: readonly (readonly [object, number])[];
  /** The response of the ended task; null if there is no task. */
  readonly end: object | null;
}

const plays: Record<Exclude<Scenario, 'hang'>, Play> = {
  success: { answers: [accepted], callbacks: [[success, 0]], end: success },
  moderated: { answers: [refused(403, 'forbidden')], callbacks: [], end: null },
  'bad-media': { answers: [refused(400, 'bad_request')], callbacks: [], end: null },
  failed: { answers: [accepted], callbacks: [[failure, 0]], end: failure },
  'lost-callback': { answers: [accepted], callbacks: [], end: success },
  'duplicate-callback': {
    answers: [accepted],
    callbacks: [
      [success, 0],
      [success, 0],
      [success, 0.5],
    ],
    end: success,
  },
  'early-callback': { answers: [accepted], callbacks: [[success, 0]], end: success },
  'late-callback': { answers: [accepted], callbacks: [[success, 3]], end: success },
  'contradictory-callback': {
    answers: [accepted],
    callbacks: [
      [failure, 0],
      [success, 0.5],
    ],
    end: success,
  },
  'rate-limited': {
    answers: [refused(429, 'too_many_requests'), refused(429, 'too_many_requests'), accepted],
    callbacks: [[success, 0]],
    end: success,
  },
  'used-up': { answers: [refused(403, 'used_up'), accepted], callbacks: [[success, 0]], end: success },
  'server-error': { answers: [refused(500, 'api_error')], callbacks: [], end: null },
  'gateway-timeout': {
    answers: [{ status: 504, body: like(/^<html>.*504/) }],
    callbacks: [[success, 0]],
    end: success,
  },
  synchronous: { answers: [{ status: 200, body: success }], callbacks: [], end: success },
  malformed: {
    answers: [{ status: 200, body: like(/^\{"task_id": "[0-9a-f-]{12}$/) }],
    callbacks: [[success, 0]],
    end: success,
  },
};

describe('the scenario', () => {
  test.each(Object.entries(plays))(
    '%s answers, calls back, and ends as specified',
    async (scenario, { answers, callbacks, end }) => {
      const receiver = await startCallbackReceiver();
      const sandbox = await startSandbox();
      const prompt = `A dance. sandbox:${scenario}`;
      for (const answer of answers)
        expect(await sandbox.submit({ prompt, callback_url: `${receiver.url}/cb` })).toEqual(answer);
      if (scenario === 'early-callback') expect(receiver.received, 'the callback precedes the answer').toHaveLength(1);

      const tasks = async () =>
        (await sandbox.retrieveBatch({})).items.filter(({ request }) => request.prompt === prompt);
      await expect.poll(async () => (await tasks()).map(({ response }) => response)).toEqual(end === null ? [] : [end]);
      await expect.poll(() => receiver.received.length).toBe(callbacks.length);
      // Any further callback would have arrived before the callback of a task that is created now.
      await sandbox.submit({ callback_url: `${receiver.url}/fence` });
      await expect.poll(() => receiver.received.at(-1)?.path).toBe('/fence');

      const received = receiver.received.slice(0, -1);
      const [task] = await tasks();
      expect(received.map(({ body }) => body)).toEqual(callbacks.map(([body]) => body));
      for (const [index, { method, headers, body, atMs }] of received.entries()) {
        expect({ method, type: headers['content-type'], token: headers.authorization, taskId: body.task_id }).toEqual({
          method: 'POST',
          type: 'application/json',
          token: undefined,
          taskId: task!.id,
        });
        expect(atMs, 'the callback is not early').toBeGreaterThanOrEqual(
          Math.floor(1_000 * (task!.finished_at! + callbacks[index]![1] * task!.elapsed!)),
        );
      }
    },
  );

  test('hang never answers, creates no task, and ends with the sandbox', async () => {
    const sandbox = await startSandbox();
    const hung = sandbox.submit({ prompt: 'sandbox:hang' }).then(
      () => 'answered',
      () => 'cut',
    );
    expect((await sandbox.submit({})).body).toMatchObject({ state: 'succeed' });
    expect(await Promise.race([hung, Promise.resolve('waiting')])).toBe('waiting');
    expect(await sandbox.retrieveBatch({})).toMatchObject({ count: 1 });
    await sandbox.stop();
    expect(await hung).toBe('cut');
  });

  test('that refuses the first submits of an input refuses them again for the next task with that input', async () => {
    const sandbox = await startSandbox();
    const statuses: number[] = [];
    for (let index = 0; index < 6; index += 1)
      statuses.push((await sandbox.submit({ prompt: 'sandbox:rate-limited', async: true })).status);
    expect(statuses).toEqual([429, 429, 200, 429, 429, 200]);
  });

  test('that does not exist is refused with the nearest name and a list of all scenarios, and creates no task', async () => {
    const sandbox = await startSandbox();
    for (const [name, nearest] of [
      ['modrated', 'moderated'],
      ['Fail', 'failed'],
      ['late_callback', 'late-callback'],
      ['toString', null],
    ] as const) {
      const { status, body } = await sandbox.submit({ prompt: `A dance. sandbox:success sandbox:${name}` });
      const error = body.error as Record<string, string>;
      expect([status, error.code, (await sandbox.retrieveBatch({})).count], name).toEqual([400, 'bad_request', 0]);
      expect(error.message).toBe(
        `The sandbox has no scenario "${name.toLowerCase()}"${nearest === null ? '.' : `; did you mean "${nearest}"?`} Scenarios: ${Object.keys(scenarios).join(', ')}.`,
      );
    }
  });

  test('is documented on the sandbox page', async () => {
    const page = await readFile(new URL('../../../docs/sandbox.md', import.meta.url), 'utf8');
    expect(Object.entries(scenarios).filter(([name, what]) => !page.includes(`| \`${name}\` | ${what} |`))).toEqual([]);
  });

  test('is listed at the root, and recognized anywhere in the prompt', async () => {
    const { url } = await startSandbox();
    expect(await (await fetch(url)).json()).toMatchObject({ scenarios });
    expect(Object.keys(scenarios).sort()).toEqual([...Object.keys(plays), 'hang'].sort());
    const prompts = [
      undefined,
      '',
      'sandbox:',
      'in the sandbox: children',
      'notsandbox:hang',
      'A dance (sandbox:hang), please',
      'sandbox:hang.',
      'Sandbox:HANG',
      'sandbox:failed sandbox:hang',
    ];
    expect(prompts.map(scenarioOf)).toEqual([
      'success',
      'success',
      'success',
      'success',
      'success',
      'hang',
      'hang',
      'hang',
      'failed',
    ]);
  });
});
