/**
 * Webhook events. They are written in the transaction that settles a job, and fanned out into deliveries after it has
 * committed.
 *
 * The transaction that settles a job writes one event, however many endpoints want it. A callback arrives only once,
 * callbacks share few connections, and a delivery row costs 1 kB of WAL in six indexes. The event is an outbox row: it
 * commits with the job, so no end of a job is lost, and the delivery loop of any instance creates its deliveries. A
 * job's own URL is at most one receiver, and its delivery is written with the event.
 */
import { fillPlaceholders, placeholder, sql, type SQL } from 'drizzle-orm';
import { PgDialect } from 'drizzle-orm/pg-core';
import type { WebhookStore } from '../../webhooks/ports.ts';
import { jobEventTypes, type JobEventType } from '../../webhooks/webhook.ts';
import type { Connections } from '../connection/client.ts';
import { sqlStatement } from '../connection/transaction.ts';
import {
  isWanting,
  webhookDeliveries as deliveries,
  webhookEndpoints as endpoints,
  webhookEvents as events,
} from '../tables/webhooks.ts';

/**
 * Inserts one event if an active endpoint wants it or the job has its own URL. Locks no endpoint. The check for an
 * endpoint that wants it is a single probe of a partial index. The index requires the type as a literal, so there is
 * one statement per type.
 */
const tellStatement = (type: JobEventType) =>
  sqlStatement(
    `tell_webhooks_of_${type}`,
    sql`
    with event as (
      insert into ${events} (id, account_id, job_id, type, body, needs_fan_out)
      select ${placeholder('id')}, ${placeholder('accountId')}, ${placeholder('jobId')}::uuid, ${sql.raw(`'${type}'`)}, ${placeholder('body')}, wanted.by_endpoints
      from (select exists (select from ${endpoints} where ${endpoints.accountId} = ${placeholder('accountId')} and ${isWanting(endpoints, type)}) as by_endpoints) wanted
      where wanted.by_endpoints or ${placeholder('url')}::text is not null
      returning id
    ), own as (
      insert into ${deliveries} (id, event_id, account_id, job_id, url, host, format, body, next_attempt_at)
      select gen_random_uuid(), id, ${placeholder('accountId')}, ${placeholder('jobId')}::uuid, ${placeholder('url')}, ${placeholder('host')}, ${placeholder('format')}, ${placeholder('ownBody')}, now()
      from event where ${placeholder('url')}::text is not null
    )
    select from event`,
  );

const statements = Object.fromEntries(jobEventTypes.map((type) => [type, tellStatement(type)])) as Readonly<
  Record<JobEventType, ReturnType<typeof tellStatement>>
>;

/**
 * Creates up to `$deliveries` deliveries for up to `$events` events. Accounts share both limits equally, so a burst of
 * one account does not delay the events of another. The statement never waits: it skips events that another instance is
 * processing and endpoints that their owner is changing at that moment, and a later run processes them. An event is
 * done once every endpoint that wants it now has its delivery. Until then, its missing deliveries show what remains to
 * be done, so a crash in between leaves nothing to repair. The unique index ensures that an event reaches an endpoint
 * only once. The endpoint's row is locked against a change of its address before its delivery is written; a later
 * change moves or stops the delivery.
 */
const fanOut = sql`
  with recursive account as (
    (select account_id as id from ${events} where needs_fan_out order by account_id limit 1)
    union all
    select (select account_id from ${events} where needs_fan_out and account_id > account.id order by account_id limit 1) from account where account.id is not null
  ), turn as (
    select account.id, least(count(*) over (), ${placeholder('events')}::int) as accounts from account cross join lateral (
      select created_at from ${events} where needs_fan_out and account_id = account.id order by created_at limit 1
    ) oldest
    where account.id is not null
    order by oldest.created_at limit ${placeholder('events')}::int
  ), due as (
    select taken.* from turn cross join lateral (
      select id, account_id, job_id, type, created_at, turn.accounts from ${events} where needs_fan_out and account_id = turn.id
      order by created_at limit ${placeholder('events')}::int / turn.accounts for no key update skip locked
    ) taken
  ), wanting as (
    select due.id as event_id, endpoint.id as endpoint_id, due.accounts, row_number() over (partition by due.account_id order by due.created_at, due.id, endpoint.id) as place
    from due join ${endpoints} endpoint on endpoint.account_id = due.account_id and endpoint.status = 'ACTIVE' and due.type = any(endpoint.event_types)
    where not exists (select from ${deliveries} made where made.event_id = due.id and made.endpoint_id = endpoint.id)
  ), receiver as (
    select due.id as event_id, due.account_id, due.job_id, endpoint.id as endpoint_id, endpoint.url, endpoint.host
    from wanting join due on due.id = wanting.event_id join ${endpoints} endpoint on endpoint.id = wanting.endpoint_id
    where wanting.place <= greatest(1, ${placeholder('deliveries')}::int / wanting.accounts) and endpoint.status = 'ACTIVE' and due.type = any(endpoint.event_types)
    for key share of endpoint skip locked
  ), made as (
    insert into ${deliveries} (id, event_id, account_id, job_id, endpoint_id, url, host, format, next_attempt_at)
    select gen_random_uuid(), event_id, account_id, job_id, endpoint_id, url, host, 'STANDARD', now() from receiver
    on conflict (event_id, endpoint_id) do nothing
  ), done as (
    update ${events} event set needs_fan_out = false from due
    where event.id = due.id and (select count(*) from wanting where event_id = due.id) = (select count(*) from receiver where event_id = due.id)
    returning event.id
  )
  select (select count(*) from receiver)::int as made, (select count(*) from done)::int as done, (select count(*) from due)::int - (select count(*) from done)::int as "left"`;

interface Progress extends Record<string, number> {
  readonly made: number;
  readonly done: number;
  readonly left: number;
}

/** Prepares a statement that runs outside transactions. */
function prepare<Row extends Record<string, unknown>>(
  { pool }: Connections,
  name: string,
  query: SQL,
): (values: Readonly<Record<string, unknown>>) => Promise<Row[]> {
  const { sql: text, params } = new PgDialect().sqlToQuery(query);
  return async (values) => (await pool.query<Row>({ name, text, values: fillPlaceholders(params, values) })).rows;
}

export function createFanOut(connections: Connections): Pick<WebhookStore, 'tell' | 'fanOut'> {
  const makeDeliveries = prepare<Progress>(connections, 'fan_out_webhooks', fanOut);
  return {
    async tell(tx, { id, accountId, jobId, type, body, own }) {
      const told = await statements[type](tx, {
        id,
        accountId,
        jobId,
        body,
        url: own?.url ?? null,
        host: own?.host ?? null,
        format: own?.format ?? null,
        ownBody: own?.body ?? null,
      });
      return told > 0;
    },

    async fanOut(limits) {
      const [progress] = await makeDeliveries({ ...limits });
      return progress!;
    },
  };
}
