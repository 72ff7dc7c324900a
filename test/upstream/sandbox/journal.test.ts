/** The journal of the sandbox, with which tasks outlast a restart. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { SandboxTask } from '../../../src/upstream/sandbox/task-book.ts';
import { startCallbackReceiver } from '../../support/callback-receiver.ts';
import { createFolder } from '../../support/folder.ts';
import { startSandbox } from '../../support/sandbox.ts';

describe('a journal', () => {
  const createJournal = async () => join(await createFolder(), 'sandbox', 'journal.jsonl');

  /** Moves the task back by a minute, as if that minute had passed while the sandbox was stopped. */
  async function passMinute(journalFile: string): Promise<void> {
    const { task } = JSON.parse(await readFile(journalFile, 'utf8')) as { task: SandboxTask };
    await writeFile(
      journalFile,
      `${JSON.stringify({ task: { ...task, createdAtMs: task.createdAtMs - 60_000, endsAtMs: task.endsAtMs - 60_000 } })}\n`,
    );
  }

  test('preserves a task when the sandbox restarts, and its overdue callback is sent once', async () => {
    const [journalFile, receiver] = [await createJournal(), await startCallbackReceiver()];
    const first = await startSandbox({ journalFile, seconds: 30 });
    const id = await first.take({ callback_url: `${receiver.url}/cb` });
    const running = await first.retrieve(id);
    await first.stop();
    expect(receiver.received).toEqual([]);
    await passMinute(journalFile);

    const second = await startSandbox({ journalFile });
    expect(await second.retrieve(id)).toMatchObject({
      request: running.request,
      response: { task_id: id, state: 'succeed' },
    });
    await expect.poll(() => receiver.received.map(({ body }) => body.task_id)).toEqual([id]);
    await expect.poll(() => readFile(journalFile, 'utf8')).toContain(`{"called":"${id}"}`);
    await second.stop();

    const third = await startSandbox({ journalFile });
    await third.submit({ callback_url: `${receiver.url}/fence` });
    await expect.poll(() => receiver.received.map(({ path }) => path)).toEqual(['/cb', '/fence']);
  });

  test('with a truncated last line loses neither the tasks before it nor those after it', async () => {
    const journalFile = await createJournal();
    const first = await startSandbox({ journalFile, seconds: 600 });
    const [before] = [await first.take(), await first.take()];
    await first.stop();
    await writeFile(journalFile, (await readFile(journalFile, 'utf8')).slice(0, -20));
    const second = await startSandbox({ journalFile });
    const after = await second.take();
    expect((await second.retrieveBatch({})).items.map(({ id }) => id)).toEqual([before, after]);
    await second.stop();
    expect((await (await startSandbox({ journalFile })).retrieveBatch({})).items.map(({ id }) => id)).toEqual([
      before,
      after,
    ]);
  });
});
