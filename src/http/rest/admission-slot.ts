/** Runs REST operations in admission slots. */
import { Refusal } from '../../upstream/acedata/wire/routes.ts';
import type { Admission } from '../overload/admission.ts';

/**
 * Runs work in an admission slot. The slot is held during the work only: a request that waits for a job, or for the
 * outcome of a similar request, holds no slot.
 */
export async function runInSlot<T>(
  admission: Admission,
  kind: 'submit' | 'read',
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const leave = await admission.enter(kind, signal && (() => signal)).catch((error: unknown) => {
    throw signal?.aborted ? new Refusal('timeout', 'The client disconnected.') : error;
  });
  return work().finally(leave);
}
