/** Seals secrets that must be readable again: AES-256-GCM with keys derived from the application secrets. */
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';

export interface Sealer {
  /** The prefix of every sealed secret that this sealer returns. */
  readonly mark: string;
  /** Seals a secret. `context` identifies its owner: the secret cannot be opened with any other context. */
  seal(secret: string, context: string): string;
  /** Opens a sealed secret. Throws a `BrokenSealError` if none of the application secrets opens it. */
  open(sealed: string, context: string): string;
}

export class BrokenSealError extends Error {
  override readonly name = 'BrokenSealError';

  constructor() {
    super('a sealed secret cannot be opened with any secret of APP_SECRET');
  }
}

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Creates a sealer from at least one application secret: the first one seals, and all of them open. */
export function createSealer(secrets: readonly string[]): Sealer {
  const keys = secrets.map(deriveKey);
  const [sealing] = keys;
  if (!sealing) throw new Error('sealing needs a secret');
  const mark = `v1.${sealing.id}.`;
  return {
    mark,
    seal(secret, context) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', sealing.key, nonce).setAAD(Buffer.from(context));
      const sealed = Buffer.concat([nonce, cipher.update(secret, 'utf8'), cipher.final(), cipher.getAuthTag()]);
      return mark + sealed.toString('base64url');
    },
    open(text, context) {
      const [, keyId, encoded] = /^v1\.([\w-]{8})\.([\w-]+)$/.exec(text) ?? [];
      const found = keys.find(({ id }) => id === keyId);
      if (!found || encoded === undefined) throw new BrokenSealError();
      const sealed = Buffer.from(encoded, 'base64url');
      try {
        const decipher = createDecipheriv('aes-256-gcm', found.key, sealed.subarray(0, NONCE_BYTES))
          .setAAD(Buffer.from(context))
          .setAuthTag(sealed.subarray(-TAG_BYTES));
        return decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8');
      } catch {
        throw new BrokenSealError();
      }
    },
  };
}

function deriveKey(secret: string): { readonly id: string; readonly key: Buffer } {
  const key = Buffer.from(hkdfSync('sha256', secret, '', 'motion-gateway sealed secrets v1', 32));
  return { id: createHash('sha256').update(key).digest('base64url').slice(0, 8), key };
}
