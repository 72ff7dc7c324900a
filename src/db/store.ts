/** The stores: all the adapters of this folder over one set of connections. */
import type { AccountStore, QuotaStore } from '../accounts/ports.ts';
import type { JoinStore } from '../jobs/joining.ts';
import type { JobStore } from '../jobs/ports.ts';
import type { RetentionStore } from '../jobs/retention.ts';
import type { WebhookStore } from '../webhooks/ports.ts';
import type { Transaction } from '../jobs/transaction.ts';
import { createAccountStore } from './account-store.ts';
import type { Announcer } from './announcer.ts';
import { createChangeReader } from './changes.ts';
import type { Connections } from './client.ts';
import { createDeliveryStore } from './delivery-store.ts';
import { createEndpointStore } from './endpoint-store.ts';
import { createFanOut } from './fan-out.ts';
import { createGateStore } from './gate.ts';
import { createHistory } from './history.ts';
import { createInbox } from './inbox.ts';
import { createJobReader } from './job-reads.ts';
import { createJobWriter } from './job-writes.ts';
import { createJoinStore } from './join-store.ts';
import { createQuotaStore } from './quota-store.ts';
import { createTimeline } from './timeline.ts';
import { createRetentionStore } from './retention.ts';
import { reportingUnavailability } from './unavailable.ts';
import { createWorkQueue } from './work-queue.ts';

/**
 * Every method rejects with `UnavailableError` when the database cannot answer within its limits. `announce` hears of
 * changes of jobs; without it watchers find them late. Transactions take their connections from `writing`, whose
 * callers may be more patient.
 */
export const createJobStore = (
  connections: Connections,
  announce: Announcer['announce'] = () => undefined,
  writing: Connections = connections,
): JobStore & RetentionStore & JoinStore =>
  reportingUnavailability({
    ...createJobReader(connections),
    ...createJobWriter(writing, announce),
    ...createTimeline(connections),
    ...createInbox(connections),
    ...createGateStore(connections),
    ...createWorkQueue(connections),
    ...createHistory(connections),
    ...createRetentionStore(connections),
    ...createChangeReader(connections),
    ...createJoinStore(connections),
  });

/** The same for accounts. */
export const createAccountsStore = (connections: Connections): AccountStore<Transaction> & QuotaStore<Transaction> =>
  reportingUnavailability({ ...createAccountStore(connections), ...createQuotaStore(connections) });

/** The same for webhooks. */
export const createWebhookStore = (connections: Connections): WebhookStore<Transaction> =>
  reportingUnavailability({
    ...createEndpointStore(connections),
    ...createFanOut(connections),
    ...createDeliveryStore(connections),
  });
