/**
 * Errors of the core. Each has a stable `code`; whoever answers a client passes the code on and nothing else it did not
 * mean to say.
 */

export class JobError extends Error {
  override readonly name: string = 'JobError';

  constructor(
    readonly code: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The job does not exist, or belongs to somebody else: the two answer alike. */
export class JobNotFoundError extends JobError {
  override readonly name = 'JobNotFoundError';

  constructor() {
    super('NOT_FOUND', 'There is no such job.');
  }
}

/** An argument that is not one of a field's own limits, such as a page size. */
export class BadArgumentError extends JobError {
  override readonly name = 'BadArgumentError';

  constructor(message: string) {
    super('BAD_USER_INPUT', message);
  }
}

/**
 * What has changed since the cursor cannot be told: it is none of ours, or of a database that this one does not
 * continue.
 */
export class CursorInvalidError extends JobError {
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
 * transaction is rolled back.
 */
export class TaskTakenError extends JobError {
  override readonly name = 'TaskTakenError';

  constructor(readonly taskId: string) {
    super('TASK_TAKEN', 'The task belongs to another job.');
  }
}

/**
 * The store cannot answer now. Nothing is known to be wrong with the request; `mayHaveCommitted` when it broke while
 * committing.
 */
export class UnavailableError extends JobError {
  override readonly name = 'UnavailableError';

  constructor(
    cause: unknown,
    readonly mayHaveCommitted = false,
  ) {
    super('SERVICE_UNAVAILABLE', 'The service is not available at the moment. Please try again.', { cause });
  }
}
