/**
 * The lease for probing the gate. It is short and constantly renewed, so that the gate waits only seconds for a prober
 * that has died.
 */
import type { GateStore } from '../ports/admission-gate.ts';

export const PROBE_LEASE_MS = 4_000;
const RENEW_MS = 1_000;

/**
 * Holds the lease that `probedBy` has taken until `work` is done, for at most `limitMs`. If it expires earlier, another
 * instance probes too, which is harmless.
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
    // One renewal at a time: while another transaction holds the gate row, more renewals would only take connections
    // from work that does not need the gate.
    if (renewing || performance.now() > until) return;
    renewing = true;
    // The next renewal makes up for a failed one.
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
