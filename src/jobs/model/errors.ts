/** Errors of jobs. */
import { GatewayError } from '../../errors.ts';

/** The job does not exist, or belongs to another account: the two answer alike. */
export class JobNotFoundError extends GatewayError {
  override readonly name = 'JobNotFoundError';

  constructor() {
    super('NOT_FOUND', 'There is no such job.');
  }
}

/**
 * What has changed since the cursor cannot be told: it is none of ours, or of a database that this one does not
 * continue.
 */
export class CursorInvalidError extends GatewayError {
  override readonly name = 'CursorInvalidError';

  constructor() {
    super(
      'CURSOR_INVALID',
      'Updates cannot go on from this cursor: list the jobs, then subscribe with the `updatesCursor` of the list.',
    );
  }
}

/**
 * The upstream has named a task that belongs to another job here: one task is recorded for one job only. The
 * transaction is rolled back. No client sees it.
 */
export class TaskTakenError extends GatewayError {
  override readonly name = 'TaskTakenError';

  constructor(readonly taskId: string) {
    super('TASK_TAKEN', 'The task belongs to another job.');
  }
}
