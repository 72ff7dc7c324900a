/** The jobs core, from the settings. */
import type { CheckWebhookUrl } from '../jobs/accept/accept.ts';
import { createJobs, type Jobs } from '../jobs/index.ts';
import { createEventNames } from '../jobs/model/event-names.ts';
import type { Aged } from '../jobs/retain/delete-by-age.ts';
import type { Database } from './database.ts';
import type { Effects } from './effects.ts';
import type { Setup } from './lifecycle.ts';
import type { UpstreamPart } from './upstream.ts';

interface Parts {
  readonly database: Database;
  readonly upstream: UpstreamPart;
  readonly effects: Effects;
  readonly appSecrets: readonly string[];
  readonly checkWebhookUrl: CheckWebhookUrl;
  /** Data of other cores that the same rounds delete by age. */
  readonly keepElsewhere: readonly Aged[];
}

export function createJobsPart({ config, log }: Setup, parts: Parts): Jobs {
  const { database, upstream, effects } = parts;
  return createJobs({
    store: database.store,
    urgentStore: database.urgentStore,
    healthStore: database.healthStore,
    feed: database.feed,
    upstream: upstream.client,
    log,
    eventNames: createEventNames(parts.appSecrets),
    upstreamLimits: {
      maxInFlight: config.UPSTREAM_MAX_IN_FLIGHT,
      submitsPerSecond: config.UPSTREAM_SUBMITS_PER_SECOND,
      unconfirmedSlotMs: 1_000 * config.UNCONFIRMED_SLOT_SECONDS,
      jobDeadlineMs: 1_000 * config.JOB_DEADLINE_SECONDS,
    },
    pollSteps: {
      firstMs: 1_000 * config.POLL_FIRST_SECONDS,
      intervalMs: 1_000 * config.POLL_INTERVAL_SECONDS,
    },
    queueDeadlineMs: 1_000 * config.QUEUE_DEADLINE_SECONDS,
    maxUnreadJobs: config.MAX_UNREAD_JOBS,
    callbacks: {
      confirm: config.CALLBACK_CONFIRM,
      retry: { waitMs: 1_000 * config.CALLBACK_WAIT_SECONDS, maxWaiting: config.MAX_WAITING_OPERATIONS },
    },
    expectsCallbacks: upstream.isReachable,
    listingLookup: config.LISTING_LOOKUP === 'on',
    keep: {
      jobsDays: config.KEEP_JOBS_DAYS,
      timelinesDays: config.KEEP_TIMELINES_DAYS,
      callbacksDays: config.KEEP_CALLBACKS_DAYS,
      spentKeysDays: config.KEEP_SPENT_KEYS_DAYS,
    },
    keepElsewhere: parts.keepElsewhere,
    acceptEffects: effects.accept,
    settleEffects: effects.settle,
    processEffects: effects.process,
    checkWebhookUrl: parts.checkWebhookUrl,
  });
}
