/** Creates the stores: all adapters of this folder on one set of connections. */
import type { AccountStore, QuotaStore } from '../accounts/ports.ts';
import type { RejoinStore } from '../jobs/ports/rejoin.ts';
import type { JobStore } from '../jobs/ports/store.ts';
import type { RetentionStore } from '../jobs/ports/retention.ts';
import type { WebhookStore } from '../webhooks/ports.ts';
import { createAccountLog } from './accounts/account-log.ts';
import { createAccountRecords } from './accounts/accounts.ts';
import { createKeyRecords } from './accounts/keys.ts';
import { createRateWindows } from './accounts/rate-windows.ts';
import { createUsageReader } from './accounts/usage.ts';
import type { Announcer } from './feed/announcer.ts';
import { createChangeReader } from './jobs/changes.ts';
import type { Connections } from './connection/client.ts';
import { createDeliveryStore } from './webhooks/delivery-store.ts';
import { createEndpointStore } from './webhooks/endpoint-store.ts';
import { createFanOut } from './webhooks/fan-out.ts';
import { createGateStore } from './jobs/admission-gate.ts';
import { createHistory } from './jobs/history.ts';
import { createInbox } from './jobs/inbox.ts';
import { createJobReader } from './jobs/job-reader.ts';
import { createJobWriter } from './jobs/job-writer.ts';
import { createRejoinStore } from './jobs/rejoin.ts';
import { createQuotaStore } from './accounts/quota.ts';
import { createTimeline } from './jobs/job-events.ts';
import { createRetentionStore } from './jobs/retention.ts';
import { reportingUnavailability } from './connection/unavailable.ts';
import { createWorkQueue } from './jobs/work-queue.ts';

/**
 * Creates the store of jobs. Every method rejects with `UnavailableError` if the database cannot answer within its
 * limits. `announce` is called for changes of jobs; without it, watchers notice them late. Transactions take their
 * connections from `writing`, whose callers may wait longer.
 */
export const createJobStore = (
  connections: Connections,
  announce: Announcer['announce'] = () => undefined,
  writing: Connections = connections,
): JobStore & RetentionStore & RejoinStore =>
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
    ...createRejoinStore(connections),
  });

/** Creates the store of accounts and quota. Its methods reject in the same way. */
export const createAccountsStore = (connections: Connections): AccountStore & QuotaStore =>
  reportingUnavailability({
    ...createAccountRecords(connections),
    ...createKeyRecords(connections),
    ...createAccountLog(connections),
    ...createRateWindows(connections),
    ...createUsageReader(connections),
    ...createQuotaStore(connections),
  });

/** Creates the store of webhooks. Its methods reject in the same way. */
export const createWebhookStore = (connections: Connections): WebhookStore =>
  reportingUnavailability({
    ...createEndpointStore(connections),
    ...createFanOut(connections),
    ...createDeliveryStore(connections),
  });
