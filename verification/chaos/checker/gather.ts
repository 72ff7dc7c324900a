/**
 * Gathers the evidence for the checker: the clients' log, the upstream's ledger, the receiver's log and the final
 * tables.
 */
import type { ClientRecord } from '../../harness/clients/records.ts';
import { readJournal } from '../../harness/journal.ts';
import type { Harness } from '../../harness/harness.ts';
import type { LedgerRecord } from '../../harness/upstream/messages.ts';
import {
  balancesQuery,
  callbacksQuery,
  jobsQuery,
  type BalanceRow,
  type CallbackRow,
  type Evidence,
  type HeardWebhook,
  type JobRow,
} from './evidence.ts';

export async function gatherEvidence(
  harness: Harness,
  clientsFile: string,
  webhooksFile: string | null = null,
): Promise<Evidence> {
  return {
    clients: readJournal<ClientRecord>(clientsFile),
    ledger: readJournal<LedgerRecord>(harness.ledgerFile),
    jobs: await harness.database.query<JobRow & Record<string, unknown>>(jobsQuery),
    callbacks: await harness.database.query<CallbackRow & Record<string, unknown>>(callbacksQuery),
    balances: await harness.database.query<BalanceRow & Record<string, unknown>>(balancesQuery),
    webhooks: webhooksFile === null ? null : readJournal<HeardWebhook>(webhooksFile),
  };
}
