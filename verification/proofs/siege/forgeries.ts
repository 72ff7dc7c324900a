/**
 * Random callback URLs that the gateway did not issue: those that a stranger could invent, and those that a stranger
 * could derive from an observed one.
 */
import { randomUUID } from 'node:crypto';
import { createCallbackUrls } from '../../../src/upstream/callback-url.ts';
import type { Random } from '../../harness/random.ts';

const foreign = createCallbackUrls(['the-secret-of-somebody-else-entirely'], () => 'http://gateway');

export interface Forger {
  /** Returns a plausible path for the job, or for a job that does not exist. */
  forge(jobId: string): string;
  /** Returns the job's path with one wrong bit: in its id, its attempt, its key id or its MAC. */
  spoil(jobId: string): string;
}

/** `pathOf` returns the genuine path. `others` are jobs whose paths the forger knows. */
export function createForger(random: Random, pathOf: (jobId: string) => string, others: readonly string[]): Forger {
  const partsOf = (jobId: string) => {
    const [, folder, id, token] = pathOf(jobId).split('/');
    const [attempt, keyId, mac] = token!.split('.');
    return { folder: folder!, id: id!, attempt: attempt!, keyId: keyId!, mac: mac! };
  };
  type Parts = ReturnType<typeof partsOf>;
  const toPath = ({ folder, id, attempt, keyId, mac }: Parts): string => `/${folder}/${id}/${attempt}.${keyId}.${mac}`;
  const anyMac = (): string =>
    Buffer.from(Array.from({ length: 32 }, () => random.integer(0, 255))).toString('base64url');

  const forgeries: readonly ((parts: Parts) => Parts | string)[] = [
    (parts) => ({ ...parts, mac: anyMac() }),
    (parts) => ({ ...parts, keyId: anyMac().slice(0, 8), mac: anyMac() }),
    (parts) => ({ ...parts, mac: partsOf(random.pick(others.filter((other) => other !== parts.id))).mac }),
    (parts) => ({ ...parts, attempt: String(random.integer(2, 99)) }),
    (parts) => ({ ...parts, id: randomUUID() }),
    (parts) => ({ ...parts, mac: parts.mac.slice(0, random.integer(0, 42)) }),
    (parts) => ({ ...parts, mac: '' }),
    (parts) => ({ ...parts, id: parts.id.toUpperCase(), mac: parts.mac.toLowerCase() }),
    ({ id }) => new URL(foreign.urlFor(id, 1)!).pathname,
    ({ folder, id }) => `/${folder}/${id}/${random.integer(1, 9)}`,
  ];

  function spoilText(text: string): string {
    const at = random.integer(0, text.length - 1);
    const spoiled = String.fromCharCode(text.charCodeAt(at) ^ (1 << random.integer(0, 6)));
    return text.slice(0, at) + encodeURIComponent(spoiled) + text.slice(at + 1);
  }

  function spoilMac(mac: string): string {
    const bytes = Buffer.from(mac, 'base64url');
    const bit = random.integer(0, 8 * bytes.length - 1);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    return bytes.toString('base64url');
  }

  return {
    forge(jobId) {
      const forged = random.pick(forgeries)(partsOf(jobId));
      return typeof forged === 'string' ? forged : toPath(forged);
    },
    spoil(jobId) {
      const parts = partsOf(jobId);
      switch (random.pick(['mac', 'mac', 'mac', 'id', 'keyId', 'attempt'] as const)) {
        case 'mac':
          return toPath({ ...parts, mac: spoilMac(parts.mac) });
        case 'id':
          return toPath({ ...parts, id: spoilText(parts.id) });
        case 'keyId':
          return toPath({ ...parts, keyId: spoilText(parts.keyId) });
        case 'attempt':
          return toPath({ ...parts, attempt: spoilText(parts.attempt) });
      }
    },
  };
}
