/** API keys in PostgreSQL. */
import { and, count, desc, eq, gt, inArray, isNull, ne, notInArray, or, placeholder, sql } from 'drizzle-orm';
import type { ApiKey } from '../../accounts/account.ts';
import type { KeyRecords } from '../../accounts/ports.ts';
import { accounts, apiKeys } from '../tables/accounts.ts';
import type { Connections } from '../connection/client.ts';
import { inside } from '../connection/transaction.ts';
import { deletion } from '../sql/delete-batch.ts';

/** All columns except the hash, which nothing reads. */
const { id, accountId: owner, name, lastFour, scopes: granted, createdAt, expiresAt, revokedAt, lastUsedAt } = apiKeys;
const keyColumns = {
  id,
  accountId: owner,
  name,
  lastFour,
  scopes: granted,
  createdAt,
  expiresAt,
  revokedAt,
  lastUsedAt,
};

const isLive = and(isNull(apiKeys.revokedAt), or(isNull(apiKeys.expiresAt), gt(apiKeys.expiresAt, sql`now()`)));
const isEnabled = ne(accounts.status, 'DISABLED');

export function createKeyRecords({ db }: Connections): KeyRecords {
  // Runs for every request, so it is planned only once per connection.
  const findKeyByHash = db
    .select({ key: keyColumns, account: { id: accounts.id, status: accounts.status, tokenEpoch: accounts.tokenEpoch } })
    .from(apiKeys)
    .innerJoin(accounts, eq(accounts.id, apiKeys.accountId))
    .where(and(eq(apiKeys.hash, placeholder('hash')), isLive, isEnabled))
    .prepare('find_key');

  return {
    async insertKey(tx, { scopes, ...key }) {
      const rows = await inside(tx)
        .insert(apiKeys)
        .values({ ...key, scopes: [...scopes], madeToExpireAt: key.expiresAt })
        .returning(keyColumns);
      return rows[0]!;
    },

    async ensureKey(tx, { scopes, ...key }) {
      await inside(tx)
        .insert(apiKeys)
        .values({ ...key, scopes: [...scopes] })
        .onConflictDoUpdate({
          target: apiKeys.hash,
          set: { expiresAt: key.expiresAt },
          setWhere: isNull(apiKeys.revokedAt),
        });
    },

    async endKey(tx, hash) {
      const rows = await inside(tx)
        .update(apiKeys)
        .set({ expiresAt: sql`now()` })
        .where(and(eq(apiKeys.hash, hash), isLive))
        .returning(keyColumns);
      return rows[0] ?? null;
    },

    listKeys: (accountId, limit): Promise<ApiKey[]> =>
      db
        .select(keyColumns)
        .from(apiKeys)
        .where(eq(apiKeys.accountId, accountId))
        .orderBy(desc(sql`(${isLive})`), desc(apiKeys.createdAt), desc(apiKeys.id))
        .limit(limit),

    async findLiveKey(tx, accountId, keyId) {
      const rows = await inside(tx)
        .select({ ...keyColumns, madeToExpireAt: apiKeys.madeToExpireAt })
        .from(apiKeys)
        .where(and(eq(apiKeys.accountId, accountId), eq(apiKeys.id, keyId), isLive))
        .for('update');
      return rows[0] ?? null;
    },

    async countLiveKeys(tx, accountId) {
      // Locks the account's row. Of two transactions that both create the last allowed key, the second counts the first
      // one's key.
      await inside(tx).select({ id: accounts.id }).from(accounts).where(eq(accounts.id, accountId)).for('update');
      const rows = await inside(tx)
        .select({ count: count() })
        .from(apiKeys)
        .where(and(eq(apiKeys.accountId, accountId), isLive));
      return rows[0]!.count;
    },

    async revokeKey(tx, accountId, keyId) {
      const rows = await inside(tx)
        .update(apiKeys)
        .set({ revokedAt: sql`now()` })
        .where(and(eq(apiKeys.accountId, accountId), eq(apiKeys.id, keyId), isLive))
        .returning(keyColumns);
      return rows[0] ?? null;
    },

    async expireKey(tx, accountId, keyId, inSeconds) {
      const end = sql`now() + ${inSeconds} * interval '1 second'`;
      const rows = await inside(tx)
        .update(apiKeys)
        .set({ expiresAt: sql`least(coalesce(${apiKeys.expiresAt}, ${end}), ${end})` })
        .where(and(eq(apiKeys.accountId, accountId), eq(apiKeys.id, keyId), isLive))
        .returning(keyColumns);
      return rows[0] ?? null;
    },

    async findKey(hash) {
      const rows = await findKeyByHash.execute({ hash });
      return rows[0] ?? null;
    },

    async findKeyEnd(hash) {
      const rows = await db
        .select({
          status: accounts.status,
          revokedAt: apiKeys.revokedAt,
          isExpired: sql<boolean>`${apiKeys.expiresAt} <= now()`,
        })
        .from(apiKeys)
        .innerJoin(accounts, eq(accounts.id, apiKeys.accountId))
        .where(eq(apiKeys.hash, hash));
      const [found] = rows;
      if (found?.revokedAt) return 'revoked';
      return found?.isExpired ? 'expired' : found?.status === 'DISABLED' ? 'disabled' : null;
    },

    async findLive(keyIds, accountIds) {
      const keys =
        keyIds.length === 0
          ? []
          : await db
              .select({ id: apiKeys.id })
              .from(apiKeys)
              .where(and(inArray(apiKeys.id, [...keyIds]), isLive));
      const enabled =
        accountIds.length === 0
          ? []
          : await db
              .select({ id: accounts.id, epoch: accounts.tokenEpoch })
              .from(accounts)
              .where(and(inArray(accounts.id, [...accountIds]), isEnabled));
      return {
        keyIds: new Set(keys.map(({ id }) => id)),
        epochs: new Map(enabled.map(({ id, epoch }) => [id, epoch])),
      };
    },

    async noteUse(keyId) {
      await db
        .update(apiKeys)
        .set({ lastUsedAt: sql`now()` })
        .where(eq(apiKeys.id, keyId));
    },

    deleteEndedKeysByAge: async (days, limit, spared) =>
      (
        await db.execute(
          deletion(
            apiKeys,
            [apiKeys.id],
            sql`least(${apiKeys.revokedAt}, ${apiKeys.expiresAt})`,
            days,
            limit,
            notInArray(apiKeys.hash, [...spared]),
          ),
        )
      ).rowCount ?? 0,
  };
}
