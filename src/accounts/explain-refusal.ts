/**
 * Explains why a credential is rejected. Only a caller that presents the exact credential learns that it was once
 * valid.
 */
import { hashApiKey, isApiKey } from './api-key.ts';
import { credentialOf } from './authenticate.ts';
import type { ClientTokens } from './client-token.ts';
import type { WhyRefused } from './errors.ts';
import type { AccountStore } from './ports.ts';

/**
 * Resolves with the reason why a credential was rejected. Takes the value of an `Authorization` header that
 * `Authenticate` did not accept, or for which it found no caller.
 */
export type ExplainRefusal = (authorization: unknown) => Promise<WhyRefused>;

export function createExplainRefusal(
  store: Pick<AccountStore, 'findKeyEnd' | 'findLive'>,
  tokens: Pick<ClientTokens, 'verify' | 'isExpired'>,
): ExplainRefusal {
  async function whyNotToken(token: string): Promise<WhyRefused> {
    const claims = await tokens.verify(token);
    if (!claims) return (await tokens.isExpired(token)) ? 'expired' : 'unknown';
    const { epochs } = await store.findLive([], [claims.accountId]);
    return epochs.has(claims.accountId) ? 'revoked' : 'disabled';
  }

  return async (authorization) => {
    if (authorization === undefined || authorization === null || authorization === '') return 'missing';
    const credential = credentialOf(authorization);
    if (credential === null) return 'malformed';
    if (credential.split('.').length === 3) return whyNotToken(credential);
    return (isApiKey(credential) ? await store.findKeyEnd(hashApiKey(credential)) : null) ?? 'unknown';
  };
}
