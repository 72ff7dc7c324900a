/** Tracks the open connections of this instance, and confirms them as open when another instance asks. */
import { setImmediate } from 'node:timers/promises';
import type { RejoinStore } from '../ports/rejoin.ts';

export interface OpenConnections {
  add(jobId: string): void;
  delete(jobId: string): void;
  /** Confirms the connections that are open among those that other instances ask about. */
  confirm(): Promise<void>;
}

/** Number of event loop turns after which a connection that broke earlier is known to be broken. */
const TURNS = 3;

export function createOpenConnections(store: RejoinStore, instanceId: string): OpenConnections {
  /** Jobs with an answer whose connection is open at this instance. */
  const open = new Set<string>();
  return {
    add: (jobId) => void open.add(jobId),
    delete: (jobId) => void open.delete(jobId),
    async confirm() {
      if (open.size === 0) return;
      const { nowMs, jobIds } = await store.findAsked(instanceId);
      for (let turn = 0; turn < TURNS; turn += 1) await setImmediate();
      // Checked after the read, but recorded as of the read. A connection that broke in the meantime is no longer in
      // the set. For one that breaks before the write, the record only states that it was open at the time of the read.
      const healthy = jobIds.filter((jobId) => open.has(jobId));
      if (healthy.length > 0) await store.confirmOpen(healthy, nowMs);
    },
  };
}
