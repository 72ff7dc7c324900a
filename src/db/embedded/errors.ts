/**
 * The embedded server cannot run. The message says why and what to do. It includes the end of the server's log only if
 * the server exited during startup.
 */
export class EmbeddedServerError extends Error {
  override readonly name: string = 'EmbeddedServerError';
}

/** The data directory cannot be used: it is not writable, belongs to another user, or has another major version. */
export class DataDirError extends EmbeddedServerError {
  override readonly name: string = 'DataDirError';
}

/** Another running process uses the data directory. That process was not disturbed. */
export class DataDirInUseError extends EmbeddedServerError {
  override readonly name: string = 'DataDirInUseError';

  constructor(dir: string) {
    super(
      `Data directory ${dir} is in use by another gateway: stop that gateway, or choose another directory with DATA_DIR.`,
    );
  }
}

/** Returns the errno code of a system error, and undefined for any other error. */
export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && 'syscall' in error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}

/** Runs work on the data directory. An error from the file system becomes a `DataDirError`. */
export async function usingDataDir<T>(dir: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const code = errnoOf(error);
    if (code === undefined) throw error;
    throw new DataDirError(
      `Data directory ${dir} cannot be used (${(error as Error).message}): choose another with DATA_DIR, or set DATABASE_URL.`,
      { cause: error },
    );
  }
}
