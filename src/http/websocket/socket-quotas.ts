/**
 * Limits the sockets that an address and a key may have open at this instance, and the subscriptions that a key may
 * have on them.
 */

export interface SocketQuotaLimits {
  readonly maxPerAddress: number;
  readonly maxPerKey: number;
  readonly maxSubscriptionsPerKey: number;
}

/** An open socket, with the ids of its current subscriptions. */
interface SocketLease {
  readonly running: ReadonlySet<string>;
}

export interface SocketQuotas {
  /** Returns true if the address has as many sockets as it may. */
  isFull(address: string): boolean;
  enter(address: string): void;
  /** Counts a socket that has authenticated with this key. Returns false if there are too many. */
  admit(keyId: string, lease: SocketLease): boolean;
  /** Returns true if the subscriptions on the key's sockets, including the requested one, are within the limit. */
  hasRoom(keyId: string): boolean;
  leave(address: string): void;
  release(keyId: string, lease: SocketLease): void;
}

export function createSocketQuotas({
  maxPerAddress,
  maxPerKey,
  maxSubscriptionsPerKey,
}: SocketQuotaLimits): SocketQuotas {
  const addresses = new Map<string, number>();
  const leases = new Map<string, Set<SocketLease>>();
  return {
    isFull: (address) => (addresses.get(address) ?? 0) >= maxPerAddress,
    enter: (address) => void addresses.set(address, (addresses.get(address) ?? 0) + 1),
    admit(keyId, lease) {
      const others = leases.get(keyId) ?? new Set();
      if (others.size >= maxPerKey) return false;
      leases.set(keyId, others.add(lease));
      return true;
    },
    hasRoom(keyId) {
      let count = 0;
      for (const { running } of leases.get(keyId) ?? []) count += running.size;
      return count <= maxSubscriptionsPerKey;
    },
    leave(address) {
      const count = (addresses.get(address) ?? 1) - 1;
      if (count > 0) addresses.set(address, count);
      else addresses.delete(address);
    },
    release(keyId, lease) {
      const others = leases.get(keyId);
      others?.delete(lease);
      if (others?.size === 0) leases.delete(keyId);
    },
  };
}
