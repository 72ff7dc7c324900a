/**
 * Gathers the evidence for the checker: the clients' log, the upstream's ledger, the receiver's log and the final
 * tables.
 */
import type { ClientRecord } from '../../harness/clients/records.ts';
import { readJournal } from '../../harness/journal.ts';
import type { Stage } from '../../harness/harness.ts';
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
  stage: Stage,
  clientsFile: string,
  webhooksFile: string | null = null,
): Promise<Evidence> {
  return {
    clients: readJournal<ClientRecord>(clientsFile),
    ledger: readJournal<LedgerRecord>(stage.ledgerFile),
    jobs: await stage.database.query<JobRow & Record<string, unknown>>(jobsQuery),
    callbacks: await stage.database.query<CallbackRow & Record<string, unknown>>(callbacksQuery),
    balances: await stage.database.query<BalanceRow & Record<string, unknown>>(balancesQuery),
    webhooks: webhooksFile === null ? null : readJournal<HeardWebhook>(webhooksFile),
  };
}
