/**
 * Rehearses the life of a job: accepts a fictitious job, records the answer to its submit and settles it by a callback,
 * in a transaction that is rolled back. Afterward, the connection has loaded its catalogs and prepared the statements
 * of a settle, which takes longer than running them. The first callbacks after a start therefore do not wait for that.
 */
import { randomUUID } from 'node:crypto';
import { v7 as uuidv7 } from 'uuid';
import { decide, decideOnClaim } from './settle/decide.ts';
import type { JobStore } from './ports/store.ts';
import type { UpstreamName } from './model/upstream-news.ts';
import type { Settle } from './settle/settle.ts';
import { eventOfChange } from './model/job-event.ts';

/** Rejects if the database rejects any part of the rehearsal. Nothing is ever committed, announced or delivered. */
export type Rehearse = () => Promise<void>;

class RolledBack extends Error {
  override readonly name = 'RolledBack';
}

const URL = 'https://rehearsal.invalid/';
const input = {
  imageUrl: URL,
  videoUrl: URL,
  prompt: null,
  mode: 'STD',
  model: null,
  characterOrientation: 'IMAGE',
  keepOriginalSound: true,
  watermark: false,
} as const;

export function createRehearsal(store: JobStore, settle: Settle, { id: upstreamId, sandbox }: UpstreamName): Rehearse {
  async function live(): Promise<void> {
    await store.transaction(async (tx) => {
      // A separate account: the rehearsal shares no row with other transactions, so none of them waits for it.
      const [id, accountId, taskId] = [uuidv7(), `rehearsal ${randomUUID()}`, randomUUID()];
      const queued = await store.insert(tx, {
        id,
        accountId,
        upstreamId,
        sandbox,
        input,
        labels: [],
        idempotencyKey: null,
        inputHash: 'rehearsal',
      });
      await settle.carryOut(
        tx,
        queued!,
        decide(queued!, { taskId, outcome: { kind: 'running' }, source: 'SUBMIT_ANSWER' }),
      );
      const job = (await store.lock(tx, id))!;
      const claim = {
        taskId,
        outcome: { kind: 'succeeded', video: { id: taskId, url: URL, durationSeconds: 5, urlExpiresAt: null } },
        odd: null,
      } as const;
      await store.keep(tx, { jobId: id, attempt: 1, taskId, bodyHash: taskId, body: '', verdict: 'APPLIED' });
      const settled = await settle.carryOut(tx, job, decideOnClaim(job, claim, 'odd'));
      await store.note(
        tx,
        id,
        eventOfChange(job, settled, 'CALLBACK', { attempt: 1, verdict: 'APPLIED', message: null }),
      );
      throw new RolledBack();
    });
  }
  return () =>
    live().catch((error: unknown) => {
      if (!(error instanceof RolledBack)) throw error;
    });
}
