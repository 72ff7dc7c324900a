/** Limits the number of concurrent connections to one host. Waiting requests are served in order of arrival. */

export interface HostSlots {
  /** Resolves with a function that releases the slot, to be called once; or with null if `signal` aborts first. */
  take(host: string, signal: AbortSignal): Promise<(() => void) | null>;
}

export function createHostSlots(maxPerHost: number): HostSlots {
  const hosts = new Map<string, { used: number; readonly waiting: (() => void)[] }>();

  async function take(host: string, signal: AbortSignal): Promise<(() => void) | null> {
    if (signal.aborted) return null;
    const slots = hosts.get(host) ?? { used: 0, waiting: [] };
    hosts.set(host, slots);
    const release = (): void => {
      const next = slots.waiting.shift();
      // A slot that passes to the next request is never free in between.
      if (next) next();
      else if (--slots.used === 0) hosts.delete(host);
    };
    if (slots.used < maxPerHost) {
      slots.used += 1;
      return release;
    }
    return new Promise((resolve) => {
      const grant = (): void => {
        signal.removeEventListener('abort', giveUp);
        resolve(release);
      };
      const giveUp = (): void => {
        slots.waiting.splice(slots.waiting.indexOf(grant), 1);
        resolve(null);
      };
      slots.waiting.push(grant);
      signal.addEventListener('abort', giveUp, { once: true });
    });
  }

  return { take };
}
