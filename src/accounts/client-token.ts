/**
 * Client tokens: JWTs that a team's server gives to its browsers. They live for at most an hour, can be limited to
 * reading certain jobs, and are all worth nothing as soon as the account's epoch moves on. HMAC keys are derived from
 * the application's secrets: the first signs, all verify, and `kid` says which.
 */
import { createHash, hkdfSync } from 'node:crypto';
import { errors, jwtVerify, SignJWT } from 'jose';
import { scopes, type Scope } from './account.ts';

export interface ClientTokens {
  sign(claims: ClientTokenClaims, ttlSeconds: number): Promise<{ readonly token: string; readonly expiresAt: Date }>;
  /** Null for everything that is not a token of ours, or not any more. */
  verify(token: string): Promise<(ClientTokenClaims & { readonly expiresAt: Date }) | null>;
  /** Whether it was one of ours and its time is over. */
  isExpired(token: string): Promise<boolean>;
}

export interface ClientTokenClaims {
  readonly accountId: string;
  /** The key that asked for it: when that ends, so does the token. */
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
 * How far the clocks of two instances may differ: by so much a token is dated back, as one from the future is refused.
 */
const CLOCK_SKEW_SECONDS = 30;

/** `secrets` has at least one. */
export function createClientTokens(secrets: readonly string[]): ClientTokens {
  const keys = secrets.map(deriveKey);
  const [signing] = keys;
  if (!signing) throw new Error('client tokens need a secret');
  // A signature that is wrong is found before a time that is over.
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
