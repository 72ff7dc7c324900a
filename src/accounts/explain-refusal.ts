/** Why a credential opens nothing, for interfaces that have a code for it. Only for who has the credential: none of it says anything about another one. */
import { hashApiKey, isApiKey } from './api-key.ts';
import type { ClientTokens } from './client-token.ts';
import type { AccountStore } from './ports.ts';

/** `unknown` stands for revoked ones too, and for everything that never was one. */
type WhyRefused = 'unknown' | 'expired' | 'disabled';

/** To be asked about a credential that `Authenticate` did not take. */
export type ExplainRefusal = (credential: string) => Promise<WhyRefused>;

export function createExplainRefusal<Tx>(store: Pick<AccountStore<Tx>, 'findKeyEnd'>, tokens: Pick<ClientTokens, 'isExpired'>): ExplainRefusal {
  return async (credential) => {
    if (credential.split('.').length === 3) return (await tokens.isExpired(credential)) ? 'expired' : 'unknown';
    return (isApiKey(credential) ? await store.findKeyEnd(hashApiKey(credential)) : null) ?? 'unknown';
  };
}
