/** Errors that concern jobs. */
import { GatewayError } from '../../errors.ts';

/** The job does not exist or belongs to another account; clients cannot distinguish the two. */
export class JobNotFoundError extends GatewayError {
  override readonly name = 'JobNotFoundError';

  constructor() {
    super('NOT_FOUND', 'There is no such job.');
  }
}

/**
 * The changes since the cursor cannot be determined: the gateway did not issue the cursor, or the cursor belongs to a
 * database that the current one does not continue.
 */
export class CursorInvalidError extends GatewayError {
  override readonly name = 'CursorInvalidError';

  constructor() {
    super(
      'CURSOR_INVALID',
      'Updates cannot resume from this cursor: list the jobs, then subscribe with the `updatesCursor` of the list.',
    );
  }
}

/**
 * The upstream named a task that belongs to another job. A task is recorded for one job only, so the transaction is
 * rolled back. Callers within the core handle it; no client sees it.
 */
export class TaskTakenError extends Error {
  override readonly name = 'TaskTakenError';

  constructor(readonly taskId: string) {
    super('the task belongs to another job');
  }
}
