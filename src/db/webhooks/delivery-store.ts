/**
 * Webhook deliveries, their leases and the delivery log. Endpoints are locked before their deliveries, in this file and
 * wherever else both are written, except in `recordSuccess`. An owner who changes or deletes an endpoint therefore
 * reaches all of its due deliveries, including those that are being created at that moment (`fan-out.ts`). A delivery
 * to an endpoint that is being disabled because of its failures ends when it is claimed.
 */
import { and, asc, desc, eq, getTableColumns, inArray, lt, or, sql } from 'drizzle-orm';
import type { DueDelivery, WebhookStore } from '../../webhooks/ports.ts';
import type { WebhookAttempt, WebhookDelivery } from '../../webhooks/webhook.ts';
import type { Connections } from '../connection/client.ts';
import { clockInMs, inMs } from '../sql/durations.ts';
import { inside } from '../connection/transaction.ts';
import {
  webhookAttempts as attempts,
  webhookDeliveries as deliveries,
  webhookEndpoints as endpoints,
  webhookEvents as events,
  webhookSecrets as secrets,
} from '../tables/webhooks.ts';

type DeliveryStore = Pick<
  WebhookStore,
  | 'tellEndpoint'
  | 'claim'
  | 'recordSuccess'
  | 'record'
  | 'giveUp'
  | 'listDeliveries'
  | 'listAttempts'
  | 'redeliver'
  | 'deleteEventsByAge'
>;

const shown = {
  id: deliveries.id,
  accountId: deliveries.accountId,
  eventId: deliveries.eventId,
  eventType: events.type,
  jobId: deliveries.jobId,
  endpointId: deliveries.endpointId,
  url: deliveries.url,
  state: deliveries.state,
  attempts: deliveries.attempts,
  nextAttemptAt: deliveries.nextAttemptAt,
  createdAt: deliveries.createdAt,
};

interface ClaimedRow extends Record<string, unknown>, Omit<DueDelivery, 'secrets' | 'leasedUntil'> {
  readonly leasedUntil: string;
  readonly sealed: string | null;
  readonly previous: string | null;
}

export function createDeliveryStore({ db }: Connections): DeliveryStore {
  return {
    async tellEndpoint(tx, endpointId, { id, accountId, type, body }) {
      const { rows } = await inside(tx).execute<{ id: string }>(sql`
        with receiver as (select id, url, host from ${endpoints} where id = ${endpointId} and account_id = ${accountId} and status = 'ACTIVE' for key share), event as (
          insert into ${events} (id, account_id, type, body) select ${id}, ${accountId}, ${type}, ${body} from receiver
          returning id
        )
        insert into ${deliveries} (id, event_id, account_id, endpoint_id, url, host, format, next_attempt_at)
        select gen_random_uuid(), event.id, ${accountId}, receiver.id, url, host, 'STANDARD', now() from receiver, event
        returning id`);
      return rows[0]?.id ?? null;
    },

    async claim({ limit, perHost, leaseMs, busyHosts, slowHosts }) {
      const array = (values: readonly string[]) => sql`${sql.param([...values])}::text[]`;
      // Scans the index once for each host, so the backlog of one host is not read for the others.
      const { rows } = await db.execute<ClaimedRow>(sql`
        with recursive host as (
          (select host as name from ${deliveries} where next_attempt_at is not null order by host limit 1)
          union all
          select (select host from ${deliveries} where next_attempt_at is not null and host > host.name order by host limit 1) from host where host.name is not null
        ), waiting as (
          select host.name from host cross join lateral (
            select next_attempt_at as since from ${deliveries} where host = host.name and next_attempt_at <= now() order by next_attempt_at limit 1
          ) first
          where host.name is not null and host.name <> all(${array(busyHosts)})
          order by since limit ${limit}
        ), due as (
          select taken.id from waiting cross join lateral (
            select id from ${deliveries} where host = waiting.name and next_attempt_at <= now()
            order by next_attempt_at limit case when waiting.name = any(${array(slowHosts)}) then 1 else ${perHost}::int end for update skip locked
          ) taken
          limit ${limit}
        ), claimed as (
          update ${deliveries} set next_attempt_at = ${inMs(leaseMs)} from due where ${deliveries.id} = due.id
          returning ${deliveries}.*
        )
        select c.id, c.event_id as "eventId", c.account_id as "accountId", c.endpoint_id as "endpointId", c.url, c.host, coalesce(c.body, e.body) as body, c.failures, c.next_attempt_at::text as "leasedUntil",
          c.endpoint_id is null or exists (select 1 from ${endpoints} where id = c.endpoint_id and status = 'ACTIVE') as "isWanted",
          s.sealed, case when s.previous_until > now() then s.previous_sealed end as previous
        from claimed c join ${events} e on e.id = c.event_id left join ${secrets} s on s.owner = coalesce(c.endpoint_id::text, 'account:' || c.account_id)`);
      return rows.map(({ sealed, previous, leasedUntil, ...due }) => ({
        ...due,
        leasedUntil: new Date(leasedUntil),
        secrets: sealed === null ? null : { sealed, previous },
      }));
    },

    async recordSuccess({ id, endpointId, url, leasedUntil }, { httpStatus, latencyMs }) {
      // The delivery is locked before the endpoint here, against the usual order. A transaction that holds the endpoint
      // may be waiting for this delivery, so a locked endpoint is skipped; the next success clears `failing_since`.
      const { rows } = await db.execute(sql`
        with tried as (
          update ${deliveries} set attempts = attempts + 1, state = 'DELIVERED', next_attempt_at = null
          where id = ${id} and next_attempt_at = ${leasedUntil.toISOString()}::timestamptz and url = ${url}
          returning id, attempts
        ), logged as (
          insert into ${attempts} (delivery_id, number, http_status, failure, latency_ms) select id, attempts, ${httpStatus}::int, null, ${Math.round(latencyMs)} from tried
        ), failing as (
          select endpoint.id from tried join ${endpoints} endpoint on endpoint.id = ${endpointId}::uuid and endpoint.failing_since is not null for no key update of endpoint skip locked
        ), cleared as (
          update ${endpoints} set failing_since = null from failing where ${endpoints.id} = failing.id
        )
        select id from tried`);
      return rows.length > 0;
    },

    async record(tx, { id, endpointId, url, leasedUntil }, { httpStatus, failure, latencyMs, nextInMs, state }) {
      if (endpointId !== null)
        await inside(tx)
          .select({ id: endpoints.id })
          .from(endpoints)
          .where(eq(endpoints.id, endpointId))
          .for('no key update');
      const { rows } = await inside(tx).execute<{ endpointId: string | null }>(sql`
        with tried as (
          update ${deliveries}
          set attempts = attempts + 1, failures = failures + 1, state = ${state}, next_attempt_at = ${nextInMs === null ? null : clockInMs(nextInMs)}
          where id = ${id} and next_attempt_at = ${leasedUntil.toISOString()}::timestamptz and url = ${url}
          returning id, attempts, endpoint_id
        ), logged as (
          insert into ${attempts} (delivery_id, number, http_status, failure, latency_ms) select id, attempts, ${httpStatus}::int, ${failure}, ${Math.round(latencyMs)} from tried
        )
        select endpoint_id as "endpointId" from tried`);
      return rows[0] ?? null;
    },

    async giveUp({ id, leasedUntil }) {
      await db
        .update(deliveries)
        .set({ state: 'STOPPED', nextAttemptAt: null })
        .where(and(eq(deliveries.id, id), eq(deliveries.nextAttemptAt, leasedUntil)));
    },

    async listDeliveries(accountId, { first, after, endpointId, jobId }): Promise<WebhookDelivery[]> {
      return db
        .select(shown)
        .from(deliveries)
        .innerJoin(events, eq(events.id, deliveries.eventId))
        .where(
          and(
            eq(deliveries.accountId, accountId),
            after
              ? or(
                  lt(deliveries.createdAt, after.createdAt),
                  and(eq(deliveries.createdAt, after.createdAt), lt(deliveries.id, after.id)),
                )
              : undefined,
            endpointId ? eq(deliveries.endpointId, endpointId) : undefined,
            // Filters on the job id of the event, which has an index.
            jobId ? eq(events.jobId, jobId) : undefined,
          ),
        )
        .orderBy(desc(deliveries.createdAt), desc(deliveries.id))
        .limit(first);
    },

    async listAttempts(accountId, deliveryIds) {
      const found = new Map<string, WebhookAttempt[]>();
      if (deliveryIds.length === 0) return found;
      const rows = await db
        .select(getTableColumns(attempts))
        .from(attempts)
        .innerJoin(deliveries, and(eq(deliveries.id, attempts.deliveryId), eq(deliveries.accountId, accountId)))
        .where(inArray(attempts.deliveryId, [...deliveryIds]))
        .orderBy(asc(attempts.deliveryId), asc(attempts.number));
      for (const { deliveryId, ...attempt } of rows) found.set(deliveryId, [...(found.get(deliveryId) ?? []), attempt]);
      return found;
    },

    async redeliver(tx, accountId, deliveryId) {
      const handle = inside(tx);
      const live = sql`(${deliveries.endpointId} is null or exists (select 1 from ${endpoints} where ${endpoints.id} = ${deliveries.endpointId} and ${endpoints.status} = 'ACTIVE'))`;
      const mine = and(eq(deliveries.id, deliveryId), eq(deliveries.accountId, accountId));
      await handle.execute(
        sql`select from ${endpoints} where id = (select endpoint_id from ${deliveries} where ${mine}) for key share`,
      );
      // A delivery that waits for its next attempt becomes due immediately. An attempt in progress continues, but
      // records nothing.
      await handle
        .update(deliveries)
        .set({ state: 'DUE', failures: 0, nextAttemptAt: sql`now()` })
        .where(and(mine, live));
      const rows = await handle
        .select({ ...shown, live: sql<boolean>`${live}` })
        .from(deliveries)
        .innerJoin(events, eq(events.id, deliveries.eventId))
        .where(mine);
      if (!rows[0]) return null;
      const { live: isLive, ...delivery } = rows[0];
      return isLive ? delivery : 'disabled';
    },

    async deleteEventsByAge(days, limit) {
      const { rowCount } = await db.execute(sql`
        delete from ${events} where id in (
          select id from ${events} e where created_at < now() - ${days} * interval '1 day' and not needs_fan_out
            and not exists (select 1 from ${deliveries} d where d.event_id = e.id and d.next_attempt_at is not null)
          order by created_at limit ${limit} for update skip locked)`);
      return rowCount ?? 0;
    },
  };
}
