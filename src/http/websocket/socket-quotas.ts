/**
 * Limits the sockets that an address and a key may have open at this instance, and the subscriptions that a key may
 * have on them.
 */

export interface DoorLimits {
  readonly maxPerAddress: number;
  readonly maxPerKey: number;
  readonly maxSubscriptionsPerKey: number;
}

/** An open socket, with the ids of its current subscriptions. */
interface Guest {
  readonly running: ReadonlySet<string>;
}

export interface SocketDoor {
  /** Returns true if the address has as many sockets as it may. */
  isFull(address: string): boolean;
  enter(address: string): void;
  /** Counts a socket that has authenticated with this key. Returns false if there are too many. */
  admit(keyId: string, guest: Guest): boolean;
  /** Returns true if the subscriptions on the key's sockets, including the requested one, are within the limit. */
  hasRoom(keyId: string): boolean;
  leave(address: string): void;
  dismiss(keyId: string, guest: Guest): void;
}

export function createSocketDoor({ maxPerAddress, maxPerKey, maxSubscriptionsPerKey }: DoorLimits): SocketDoor {
  const addresses = new Map<string, number>();
  const guests = new Map<string, Set<Guest>>();
  return {
    isFull: (address) => (addresses.get(address) ?? 0) >= maxPerAddress,
    enter: (address) => void addresses.set(address, (addresses.get(address) ?? 0) + 1),
    admit(keyId, guest) {
      const others = guests.get(keyId) ?? new Set();
      if (others.size >= maxPerKey) return false;
      guests.set(keyId, others.add(guest));
      return true;
    },
    hasRoom(keyId) {
      let count = 0;
      for (const { running } of guests.get(keyId) ?? []) count += running.size;
      return count <= maxSubscriptionsPerKey;
    },
    leave(address) {
      const count = (addresses.get(address) ?? 1) - 1;
      if (count > 0) addresses.set(address, count);
      else addresses.delete(address);
    },
    dismiss(keyId, guest) {
      const others = guests.get(keyId);
      others?.delete(guest);
      if (others?.size === 0) guests.delete(keyId);
    },
  };
}
