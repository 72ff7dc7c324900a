/** The right to probe the gate. It is short and renewed all the time, so that the gate waits only seconds for a prober that has died. */
import type { GateStore } from './gate.ts';

export const PROBE_LEASE_MS = 4_000;
const RENEW_MS = 1_000;

/** Holds the lease that `probedBy` has taken until `work` is done. Should it run out all the same, somebody else probes too, which does no harm. */
export async function holdProbe(store: Pick<GateStore, 'renewProbe'>, upstreamId: string, probedBy: string, work: () => Promise<void>): Promise<void> {
  // One renewal that fails is made up for by the next.
  const timer = setInterval(() => void store.renewProbe(upstreamId, probedBy, PROBE_LEASE_MS).catch(() => undefined), RENEW_MS);
  try {
    await work();
  } finally {
    clearInterval(timer);
  }
}
