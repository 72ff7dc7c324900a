/** Settles jobs: applies news to a job, in one transaction with the effects of other cores. */
import type { Decision } from './decide.ts';
import { isTerminal, type Job, type Move } from '../model/job.ts';
import type { JobStore } from '../ports/store.ts';
import type { JobPatch } from '../ports/job-writer.ts';
import type { SettleEffect } from '../ports/effects.ts';
import type { Log } from '../../log.ts';
import { together, type Transaction } from '../../transaction.ts';

export interface SettleDeps {
  readonly store: JobStore;
  readonly log: Log;
  /** Run when a job ends. */
  readonly effects: readonly SettleEffect[];
  /** Run when the upstream is known to be working on a job. */
  readonly processEffects?: readonly SettleEffect[];
  /** Runs after a commit that freed a slot or made a look-up due. */
  readonly nudge: (due: 'slot' | 'lookUp') => void;
}

export interface Settle {
  /**
   * Makes a move with the guarded statement. The effects run in the same transaction, concurrently with `besides`.
   * Resolves with null if the move is too late or repeated.
   */
  advance(
    tx: Transaction,
    jobId: string,
    move: Move,
    patch: JobPatch,
    besides?: (job: Job) => Promise<void>,
  ): Promise<Job | null>;
  /** Carries out a decision on a job whose row `tx` has locked; `besides` runs if the job has changed. */
  carryOut(tx: Transaction, job: Job, decision: Decision, besides?: (job: Job) => Promise<void>): Promise<Job | null>;
}

export function createSettle({
  store,
  log,
  effects,
  processEffects = [],
}: Pick<SettleDeps, 'store' | 'log' | 'effects' | 'processEffects'>): Settle {
  const advance: Settle['advance'] = async (tx, jobId, move, patch, besides) => {
    const job = await store.writeMove(tx, jobId, move, patch);
    if (!job) return null;
    const due = isTerminal(job.state) ? effects : job.state === 'PROCESSING' ? processEffects : [];
    await together([...due.map(async (effect) => effect(tx, job)), (async () => besides?.(job))()]);
    return job;
  };
  return {
    advance,
    async carryOut(tx, job, decision, besides) {
      switch (decision.kind) {
        case 'advance':
          return advance(tx, job.id, decision.move, decision.patch, besides);
        case 'amend': {
          const amended = await store.amend(tx, job.id, decision.patch);
          if (amended) await besides?.(amended);
          return amended;
        }
        case 'contradict':
          log.error(
            { jobId: job.id, taskId: job.taskId, state: job.state },
            'the upstream contradicts the recorded end of a job',
          );
          return null;
        case 'confirm':
        case 'repeat':
          return null;
      }
    },
  };
}
