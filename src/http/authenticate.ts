/** Who calls. Until there are accounts, an API key opens everything of the account `default`. */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { Caller } from '../resolvers/context.ts';

/** Takes the value of an `Authorization` header, or of `authorization` in `connection_init`; null when it opens nothing. */
export type Authenticate = (authorization: unknown) => Caller | null;

const DEFAULT_ACCOUNT = 'default';

export function createAuthenticate(apiKeys: readonly string[]): Authenticate {
  const expected = apiKeys.map(digest);
  return (authorization) => {
    const [, key] = (typeof authorization === 'string' && /^Bearer +(\S+)$/i.exec(authorization)) || [];
    return key !== undefined && expected.some((digested) => timingSafeEqual(digest(key), digested)) ? { accountId: DEFAULT_ACCOUNT } : null;
  };
}

/** Digests have one length; `timingSafeEqual` throws on unequal ones, and a length would tell something. */
const digest = (key: string): Buffer => createHash('sha256').update(key).digest();
