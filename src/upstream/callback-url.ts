/**
 * Creates and verifies callback URLs: `/callbacks/<jobId>/<attempt>.<keyId>.<mac>`. The mac links a task to its job and
 * attempt even if the response to the submit was lost. It is an HMAC-SHA256 under a key derived from an application
 * secret. The first secret signs, all of them verify, and the key id selects the one to try.
 */
import { createHash, createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { Echo } from '../jobs/model/upstream-news.ts';

export const CALLBACK_PATH = '/callbacks';

export interface CallbackUrls {
  /** Returns the URL to give to the upstream; null if the upstream cannot reach the gateway. */
  urlFor(jobId: string, attempt: number): string | null;
  /**
   * Returns the attempt for which the token was made; null if the gateway did not make it for this job. Takes the same
   * time for every wrong token of a known key.
   */
  verify(jobId: string, token: string): Echo | null;
  /** Reads the job and attempt from a URL that the upstream echoes; null if the URL is not one of the gateway's. */
  verifyUrl(url: string): Echo | null;
}

interface Key {
  readonly id: string;
  readonly secret: Buffer;
}

/**
 * Derives a key from each secret, of which at least one is required. `publicUrl` returns the URL at which the upstream
 * reaches the gateway, or null.
 */
export function createCallbackUrls(secrets: readonly string[], publicUrl: () => string | null): CallbackUrls {
  const keys = secrets.map(deriveKey);
  const [signing] = keys;
  if (!signing) throw new Error('callback URLs need a secret');

  function verify(jobId: string, token: string): Echo | null {
    const [, attempt, keyId, given] = /^([1-9]\d{0,8})\.([\w-]{8})\.([\w-]{43})$/.exec(token) ?? [];
    if (attempt === undefined || given === undefined) return null;
    const key = keys.find(({ id }) => id === keyId);
    // Also computed for an unknown key, which then takes as long as a wrong token.
    const expected = mac(key ?? signing!, jobId, Number(attempt));
    return timingSafeEqual(digest(expected), digest(given)) && key ? { jobId, attempt: Number(attempt) } : null;
  }

  return {
    urlFor(jobId, attempt) {
      const base = publicUrl();
      if (base === null) return null;
      return `${base.replace(/\/+$/, '')}${CALLBACK_PATH}/${jobId}/${attempt}.${signing.id}.${mac(signing, jobId, attempt)}`;
    },
    verify,
    verifyUrl(url) {
      const [, jobId, token] = /\/callbacks\/([0-9a-f-]{36})\/([^/?#]+)$/.exec(url) ?? [];
      return jobId !== undefined && token !== undefined ? verify(jobId, token) : null;
    },
  };
}

function deriveKey(secret: string): Key {
  const derived = Buffer.from(hkdfSync('sha256', secret, '', 'motion-gateway callback url v1', 32));
  return { id: digest(derived).toString('base64url').slice(0, 8), secret: derived };
}

const mac = (key: Key, jobId: string, attempt: number): string =>
  createHmac('sha256', key.secret).update(`${jobId}.${attempt}`).digest('base64url');

/** Hashes a value to a fixed length, because `timingSafeEqual` throws on unequal lengths. */
const digest = (value: string | Buffer): Buffer => createHash('sha256').update(value).digest();
