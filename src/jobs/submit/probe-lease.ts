/**
 * The right to probe the gate. It is short and renewed all the time, so that the gate waits only seconds for a prober
 * that has died.
 */
import type { GateStore } from '../ports/admission-gate.ts';

export const PROBE_LEASE_MS = 4_000;
const RENEW_MS = 1_000;

/**
 * Holds the lease that `probedBy` has taken until `work` is done, for `limitMs` at most. Should it run out before,
 * somebody else probes too, which does no harm.
 */
export async function holdProbe(
  store: Pick<GateStore, 'renewProbe'>,
  upstreamId: string,
  probedBy: string,
  limitMs: number,
  work: () => Promise<void>,
): Promise<void> {
  const until = performance.now() + limitMs;
  let renewing = false;
  const renew = async (): Promise<void> => {
    // One at a time: where the gate's row is held by somebody, more would only take connections away from those who
    // need no gate.
    if (renewing || performance.now() > until) return;
    renewing = true;
    // One that fails is made up for by the next.
    await store.renewProbe(upstreamId, probedBy, PROBE_LEASE_MS).catch(() => undefined);
    renewing = false;
  };
  const timer = setInterval(() => void renew(), RENEW_MS);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
}
