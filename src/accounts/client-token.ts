/**
 * Client tokens: JWTs that a client's server passes on to its browsers. They live for at most an hour and can be
 * limited to reading certain jobs. All of them become invalid as soon as the account's epoch advances. HMAC keys are
 * derived from the application secrets: the first one signs, all of them verify, and `kid` identifies the key.
 */
import { createHash, hkdfSync } from 'node:crypto';
import { errors, jwtVerify, SignJWT } from 'jose';
import { scopes, type Scope } from './account.ts';

export interface ClientTokens {
  sign(claims: ClientTokenClaims, ttlSeconds: number): Promise<{ readonly token: string; readonly expiresAt: Date }>;
  /** Resolves with the claims of a token; null if it is not a token of ours or is no longer valid. */
  verify(token: string): Promise<(ClientTokenClaims & { readonly expiresAt: Date }) | null>;
  /** Resolves with true if the token was issued by us and has expired. */
  isExpired(token: string): Promise<boolean>;
}

export interface ClientTokenClaims {
  readonly accountId: string;
  /** The key that minted the token; when the key ends, so does the token. */
  readonly keyId: string;
  readonly scopes: readonly Scope[];
  readonly jobIds: readonly string[] | null;
  readonly epoch: number;
}

export const MAX_TTL_SECONDS = 3_600;
export const MIN_TTL_SECONDS = 60;

const ISSUER = 'motion-gateway';
const AUDIENCE = 'motion-gateway/client';
const ALGORITHM = 'HS256';

/**
 * Maximum clock skew between two instances. Tokens are backdated by this amount, because a token that was issued in the
 * future is rejected.
 */
const CLOCK_SKEW_SECONDS = 30;

/** Creates the signer and verifier of client tokens from at least one application secret. */
export function createClientTokens(secrets: readonly string[]): ClientTokens {
  const keys = secrets.map(deriveKey);
  const [signing] = keys;
  if (!signing) throw new Error('client tokens need a secret');
  // The signature is verified before the expiry, so an expired token with a wrong signature does not count as ours.
  const verifyToken = (token: string) =>
    jwtVerify(
      token,
      ({ kid }) => {
        const key = keys.find(({ id }) => id === kid);
        if (!key) throw new errors.JWKSNoMatchingKey();
        return key.secret;
      },
      {
        issuer: ISSUER,
        audience: AUDIENCE,
        algorithms: [ALGORITHM],
        maxTokenAge: MAX_TTL_SECONDS + CLOCK_SKEW_SECONDS,
        requiredClaims: ['sub', 'exp', 'iat', 'key', 'epoch', 'scope'],
      },
    );
  return {
    async sign({ accountId, keyId, scopes: granted, jobIds, epoch }, ttlSeconds) {
      const nowSeconds = Math.floor(Date.now() / 1_000);
      const expiresAt = new Date(1_000 * (nowSeconds + ttlSeconds));
      const token = await new SignJWT({ scope: granted.join(' '), key: keyId, epoch, ...(jobIds && { jobs: jobIds }) })
        .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT', kid: signing.id })
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setSubject(accountId)
        .setIssuedAt(nowSeconds - CLOCK_SKEW_SECONDS)
        .setExpirationTime(expiresAt)
        .sign(signing.secret);
      return { token, expiresAt };
    },

    async verify(token) {
      try {
        const { payload } = await verifyToken(token);
        const { sub, exp, key, epoch, scope, jobs } = payload as typeof payload &
          Readonly<Record<'key' | 'epoch' | 'scope' | 'jobs', unknown>>;
        return {
          accountId: sub!,
          keyId: String(key),
          epoch: Number(epoch),
          scopes: scopes.filter((known) => String(scope).split(' ').includes(known)),
          jobIds: Array.isArray(jobs) ? jobs.map(String) : null,
          expiresAt: new Date(1_000 * exp!),
        };
      } catch (error) {
        if (error instanceof errors.JOSEError) return null;
        throw error;
      }
    },

    isExpired: (token) =>
      verifyToken(token).then(
        () => false,
        (error: unknown) => error instanceof errors.JWTExpired,
      ),
  };
}

function deriveKey(secret: string): { readonly id: string; readonly secret: Uint8Array } {
  const derived = new Uint8Array(hkdfSync('sha256', secret, '', 'motion-gateway client token v1', 32));
  return { id: createHash('sha256').update(derived).digest('base64url').slice(0, 8), secret: derived };
}
