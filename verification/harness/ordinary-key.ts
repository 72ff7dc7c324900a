/** Inserts an ordinary API key into the database, as the gateway would create it. */
import { deriveApiKey } from '../../src/accounts/api-key.ts';
import { toNewKey } from '../../src/accounts/keys.ts';
import { closePool, createConnections } from '../../src/db/connection/client.ts';
import { createAccountsStore } from '../../src/db/stores.ts';

/** Returns the key of an account, which is the same every time. */
export const ordinaryKeyOf = (accountId = 'default'): string =>
  deriveApiKey(`of the account ${accountId}, for proofs and tests`);

/** Inserts the ordinary key of an existing account, with all scopes, and returns it. */
export async function giveKey(databaseUrl: string, accountId = 'default'): Promise<string> {
  const text = ordinaryKeyOf(accountId);
  const connections = createConnections(databaseUrl, 1, () => undefined);
  const store = createAccountsStore(connections);
  try {
    await store.transaction((tx) =>
      store.ensureKey(
        tx,
        toNewKey(text, {
          accountId,
          name: 'proof',
          scopes: ['jobs:read', 'jobs:write', 'account:admin'],
          expiresAt: null,
        }),
      ),
    );
    return text;
  } finally {
    await closePool(connections);
  }
}
