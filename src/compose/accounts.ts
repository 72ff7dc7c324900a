/** Accounts and keys, from the settings. */
import { deriveApiKey, hashApiKey } from '../accounts/api-key.ts';
import { createAccounts, type AccountsCore } from '../accounts/index.ts';
import { isOpenSandbox } from '../config.ts';
import type { createAccountsStore } from '../db/stores.ts';
import type { Aged } from '../jobs/retain/delete-by-age.ts';
import type { Secrets } from '../secrets.ts';
import type { Setup } from './lifecycle.ts';

/** Account created by the migrations; it owns the jobs that were accepted before accounts existed. */
const DEFAULT_ACCOUNT = 'default';

/** Retention period of rate limit windows, the longest of which lasts an hour. */
const KEEP_WINDOWS_DAYS = 7;

type Store = ReturnType<typeof createAccountsStore>;

export interface AccountsPart {
  readonly core: AccountsCore;
  /** Key of an open sandbox, which pages and terminals on this machine may learn; null for any other gateway. */
  readonly openKey: string | null;
  readonly keep: readonly Aged[];
}

export async function startAccounts(
  { config }: Setup,
  { administratorKey, appSecrets }: Secrets,
  store: Store,
): Promise<AccountsPart> {
  const isOpen = isOpenSandbox(config);
  const core = createAccounts({
    store,
    appSecrets,
    administratorKey,
    registration: {
      isOpen: config.REGISTRATION === 'open',
      isLocal: isOpen,
      freeQuota: config.FREE_QUOTA,
      allowedDomains: config.REGISTRATION_DOMAINS,
      freeQuotaPerDay: config.FREE_QUOTA_PER_DAY,
      perAddressPerHour: config.REGISTRATIONS_PER_HOUR,
    },
    maxLiveKeys: config.MAX_KEYS_PER_ACCOUNT,
    limits: {
      unknownKeysPerMinute: config.UNKNOWN_KEYS_PER_MINUTE,
      requestsPerMinute: config.REQUESTS_PER_MINUTE,
      submitsPerMinute: config.SUBMITS_PER_MINUTE,
      submitsPerMinutePerAccount: config.SUBMITS_PER_MINUTE_PER_ACCOUNT,
      webhooksPerMinute: config.WEBHOOKS_ASKED_PER_MINUTE,
    },
  });
  // This key gives access only to a sandbox on this machine: a page must never learn the key of a paid upstream.
  const derivedKeys = appSecrets.map(deriveApiKey);
  const openKey = isOpen ? derivedKeys[0]! : null;
  // Ends the keys that pages and terminals may still hold from when this was an open sandbox.
  for (const known of derivedKeys) if (known !== openKey) await core.endKey(known);
  if (openKey !== null) await core.ensureKey(DEFAULT_ACCOUNT, openKey, 'playground and banner');

  const keep: readonly Aged[] = [
    // Spares the keys of the open sandbox: without its row, a revoked key would be created again.
    {
      kind: 'ended keys',
      days: config.KEEP_ENDED_KEYS_DAYS,
      deleteByAge: (days, limit) => store.deleteEndedKeysByAge(days, limit, derivedKeys.map(hashApiKey)),
    },
    { kind: 'account log entries', days: config.KEEP_ACCOUNT_LOG_DAYS, deleteByAge: store.deleteChangesByAge },
    { kind: 'rate limit windows', days: KEEP_WINDOWS_DAYS, deleteByAge: store.deleteWindowsByAge },
  ];
  return { core, openKey, keep };
}
