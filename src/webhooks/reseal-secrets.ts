/**
 * Reseals secrets that were sealed with an application secret other than the first one in the list, so that the other
 * one can be removed from the list.
 */
import type { WebhookLog, WebhookStore } from './ports.ts';
import { BrokenSealError, type Sealer } from './seal-secrets.ts';

const BATCH = 100;

/**
 * Resolves when all secrets are sealed with the first application secret. Those that none of the application secrets
 * can open are left unchanged and logged. Any number of instances may run this at the same time.
 */
export async function resealAll(
  store: Pick<WebhookStore, 'findSealedOtherwise' | 'replaceSeals'>,
  sealer: Sealer,
  log: WebhookLog,
): Promise<void> {
  let resealed = 0;
  const lost: string[] = [];

  function again(sealed: string, owner: string): string {
    try {
      return sealer.seal(sealer.open(sealed, owner), owner);
    } catch (error) {
      if (!(error instanceof BrokenSealError)) throw error;
      lost.push(owner);
      return sealed;
    }
  }

  let after: string | null = null;
  do {
    const found: Awaited<ReturnType<typeof store.findSealedOtherwise>> = await store.findSealedOtherwise(
      sealer.mark,
      after,
      BATCH,
    );
    for (const { owner, ...before } of found) {
      const replaced = await store.replaceSeals(owner, before, {
        sealed: again(before.sealed, owner),
        previous: before.previous && again(before.previous, owner),
      });
      if (replaced) resealed += 1;
    }
    after = found.length < BATCH ? null : found.at(-1)!.owner;
  } while (after !== null);
  if (resealed > 0) log.info({ resealed }, 'webhook secrets were resealed with the first secret of APP_SECRET');
  if (lost.length > 0)
    log.error(
      { owners: lost.slice(0, BATCH) },
      'webhook secrets cannot be opened with any secret of APP_SECRET: ' +
        'restore the secret that sealed them to the list, or rotate the webhook secrets',
    );
}
