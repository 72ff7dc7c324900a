/**
 * Public names of job events, used as ids and as cursors. The database numbers the events of all jobs from one
 * sequence, which would reveal the activity of the whole server. A name is the number of the event, encrypted as one
 * block: it is unique and stable, and has no visible order.
 */
import { createCipheriv, createDecipheriv, hkdfSync } from 'node:crypto';

export interface EventNames {
  nameOf(eventId: number): string;
  /** Returns the number of the event, or null if the text is not a name. */
  find(name: string): number | null;
}

const ALGORITHM = 'aes-128-ecb';
const KEY_BYTES = 16;
/** Precedes the number in the block, so that other blocks are recognized as invalid. */
const TAG = Buffer.from('event 1 ');
const BLOCK_BYTES = 16;

/** Creates event names from at least one secret: the first one encrypts, and all of them decrypt. */
export function createEventNames(secrets: readonly string[]): EventNames {
  const keys = secrets.map((secret) =>
    Buffer.from(hkdfSync('sha256', secret, '', 'motion-gateway job event', KEY_BYTES)),
  );
  const [naming] = keys;
  if (!naming) throw new Error('names of events need a secret');
  return {
    nameOf(eventId) {
      const block = Buffer.alloc(BLOCK_BYTES);
      TAG.copy(block);
      block.writeBigUInt64BE(BigInt(eventId), TAG.length);
      // A single block under a dedicated key: equal blocks mean equal events, so no mode of operation is needed.
      return createCipheriv(ALGORITHM, naming, null).setAutoPadding(false).update(block).toString('base64url');
    },
    find(name) {
      const sealed = Buffer.from(name, 'base64url');
      // Accepts only the canonical encoding; base64 has several for the same bytes.
      if (sealed.length !== BLOCK_BYTES || sealed.toString('base64url') !== name) return null;
      for (const key of keys) {
        const block = createDecipheriv(ALGORITHM, key, null).setAutoPadding(false).update(sealed);
        if (!block.subarray(0, TAG.length).equals(TAG)) continue;
        const eventId = block.readBigUInt64BE(TAG.length);
        return eventId <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(eventId) : null;
      }
      return null;
    },
  };
}
