/** Webhook endpoints and their signing secrets. */
import { and, asc, desc, eq, gt, sql } from 'drizzle-orm';
import type { Transaction } from '../../transaction.ts';
import type { WebhookStore } from '../../webhooks/ports.ts';
import { accountLog, accounts } from '../tables/accounts.ts';
import type { Connections } from '../connection/client.ts';
import { ms } from '../sql/durations.ts';
import { inside, withTransaction } from '../connection/transaction.ts';
import {
  webhookDeliveries as deliveries,
  webhookEndpoints as endpoints,
  webhookSecrets as secrets,
} from '../tables/webhooks.ts';

type EndpointStore = Pick<
  WebhookStore,
  | 'transaction'
  | 'insertEndpoint'
  | 'countEndpoints'
  | 'listEndpoints'
  | 'findEndpoint'
  | 'changeEndpoint'
  | 'deleteEndpoint'
  | 'noteChange'
  | 'findSecrets'
  | 'ensureSecret'
  | 'rotateSecret'
  | 'findSealedOtherwise'
  | 'replaceSeals'
  | 'noteFailure'
  | 'disable'
>;

const sealedNow = {
  sealed: secrets.sealed,
  previous: sql<string | null>`case when ${secrets.previousUntil} > now() then ${secrets.previousSealed} end`,
};

export function createEndpointStore(connections: Connections): EndpointStore {
  const { db } = connections;

  const stopDue = (tx: Transaction, endpointId: string) =>
    inside(tx)
      .update(deliveries)
      .set({ state: 'STOPPED', nextAttemptAt: null })
      .where(and(eq(deliveries.endpointId, endpointId), sql`${deliveries.nextAttemptAt} is not null`));

  const findSecrets: EndpointStore['findSecrets'] = async (owner, accountId) =>
    (
      await db
        .select(sealedNow)
        .from(secrets)
        .where(and(eq(secrets.owner, owner), eq(secrets.accountId, accountId)))
    )[0] ?? null;

  return {
    transaction: (work) => withTransaction(connections, work),

    async insertEndpoint(tx, endpoint) {
      const rows = await inside(tx)
        .insert(endpoints)
        .values({ ...endpoint, eventTypes: [...endpoint.eventTypes] })
        .returning();
      return rows[0]!;
    },

    async countEndpoints(tx, accountId) {
      await inside(tx).select({ id: accounts.id }).from(accounts).where(eq(accounts.id, accountId)).for('update');
      return inside(tx).$count(endpoints, eq(endpoints.accountId, accountId));
    },

    listEndpoints: (accountId) =>
      db
        .select()
        .from(endpoints)
        .where(eq(endpoints.accountId, accountId))
        .orderBy(desc(endpoints.createdAt), desc(endpoints.id)),

    async findEndpoint(accountId, endpointId) {
      const rows = await db
        .select()
        .from(endpoints)
        .where(and(eq(endpoints.id, endpointId), eq(endpoints.accountId, accountId)));
      return rows[0] ?? null;
    },

    async changeEndpoint(tx, accountId, endpointId, { eventTypes, status, ...address }) {
      const enabled = { status: 'ACTIVE', disabledReason: null, disabledAt: null, failingSince: null } as const;
      const disabled = {
        status: 'DISABLED',
        disabledReason: sql`coalesce(${endpoints.disabledReason}, 'BY_OWNER')`,
        disabledAt: sql`coalesce(${endpoints.disabledAt}, now())`,
      } as const;
      const mine = and(eq(endpoints.id, endpointId), eq(endpoints.accountId, accountId));
      await inside(tx).select({ id: endpoints.id }).from(endpoints).where(mine).for('update');
      const rows = await inside(tx)
        .update(endpoints)
        .set({
          id: endpointId,
          ...address,
          ...(address.url !== undefined && { failingSince: null }),
          ...(eventTypes && { eventTypes: [...eventTypes] }),
          ...(status === 'ACTIVE' && enabled),
          ...(status === 'DISABLED' && disabled),
        })
        .where(mine)
        .returning();
      if (rows[0]?.status === 'DISABLED') await stopDue(tx, endpointId);
      // Redirects the due deliveries of the endpoint to its new address.
      else if (rows[0] && address.url !== undefined)
        await inside(tx)
          .update(deliveries)
          .set(address)
          .where(and(eq(deliveries.endpointId, endpointId), sql`${deliveries.nextAttemptAt} is not null`));
      return rows[0] ?? null;
    },

    async deleteEndpoint(tx, accountId, endpointId) {
      const rows = await inside(tx)
        .delete(endpoints)
        .where(and(eq(endpoints.id, endpointId), eq(endpoints.accountId, accountId)))
        .returning({ id: endpoints.id });
      if (!rows[0]) return false;
      await stopDue(tx, rows[0].id);
      await inside(tx).delete(secrets).where(eq(secrets.owner, rows[0].id));
      return true;
    },

    async noteChange(tx, change) {
      await inside(tx).insert(accountLog).values(change);
    },

    findSecrets,

    async ensureSecret(owner, accountId, sealed) {
      const inserted = await db
        .insert(secrets)
        .values({ owner, accountId, sealed })
        .onConflictDoNothing()
        .returning(sealedNow);
      return inserted[0] ?? (await findSecrets(owner, accountId))!;
    },

    async rotateSecret(tx, owner, accountId, sealed, overlapMs) {
      await inside(tx)
        .insert(secrets)
        .values({ owner, accountId, sealed })
        .onConflictDoUpdate({
          target: secrets.owner,
          set: { sealed, previousSealed: secrets.sealed, previousUntil: sql`now() + ${ms(overlapMs)}` },
          setWhere: eq(secrets.accountId, accountId),
        });
    },

    findSealedOtherwise: (mark, after, limit) =>
      db
        .select({ owner: secrets.owner, sealed: secrets.sealed, previous: secrets.previousSealed })
        .from(secrets)
        .where(
          and(
            sql`(not starts_with(${secrets.sealed}, ${mark}) or not starts_with(${secrets.previousSealed}, ${mark}))`,
            after === null ? undefined : gt(secrets.owner, after),
          ),
        )
        .orderBy(asc(secrets.owner))
        .limit(limit),

    async replaceSeals(owner, before, { sealed, previous }) {
      if (sealed === before.sealed && previous === before.previous) return false;
      const { rowCount } = await db
        .update(secrets)
        .set({ sealed, previousSealed: previous })
        .where(
          and(
            eq(secrets.owner, owner),
            eq(secrets.sealed, before.sealed),
            sql`${secrets.previousSealed} is not distinct from ${before.previous}`,
          ),
        );
      return (rowCount ?? 0) > 0;
    },

    async noteFailure(tx, endpointId) {
      const rows = await inside(tx)
        .update(endpoints)
        .set({ failingSince: sql`coalesce(${endpoints.failingSince}, now())` })
        .where(eq(endpoints.id, endpointId))
        .returning({ failingMs: sql<number>`(extract(epoch from now() - ${endpoints.failingSince}) * 1000)::float8` });
      return rows[0]?.failingMs ?? null;
    },

    async disable(tx, endpointId, reason) {
      await inside(tx)
        .update(endpoints)
        .set({ status: 'DISABLED', disabledReason: reason, disabledAt: sql`now()` })
        .where(and(eq(endpoints.id, endpointId), eq(endpoints.status, 'ACTIVE')));
      await stopDue(tx, endpointId);
    },
  };
}
