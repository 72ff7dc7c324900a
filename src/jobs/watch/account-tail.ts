/** The tail of an account: reads the account's changes once for all watchers on this instance. */
import { createDelta } from './change-pages.ts';
import { CursorInvalidError } from '../model/errors.ts';
import type { AccountWatcher } from './account-watcher.ts';
import type { Log } from '../../log.ts';
import type { Snapshot } from '../model/snapshot.ts';
import type { ChangeReader } from '../ports/changes.ts';

export interface Tail {
  /** Returns the position up to which changes have been offered to every watcher. */
  seen(): Snapshot;
  /** Reads now, or once more after the read in progress, so that many wake-ups cost two reads. */
  wake(): void;
  close(): void;
}

export interface TailOptions {
  readonly reader: ChangeReader;
  readonly accountId: string;
  readonly history: string;
  readonly from: Snapshot;
  readonly watchers: ReadonlySet<AccountWatcher>;
  readonly log: Log;
}

const RETRY_MS = 1_000;

export function createTail({ reader, accountId, history, from, watchers, log }: TailOptions): Tail {
  let seen = from;
  let due = false;
  let reading = false;
  let closed = false;
  let retry: NodeJS.Timeout | undefined;

  async function read(): Promise<void> {
    const delta = createDelta(reader, accountId, history, seen);
    for (let isLast = false; !isLast;) {
      const page = await delta.nextPage();
      if (closed) return;
      ({ isLast } = page);
      for (const watcher of watchers) watcher.offer(page.changes);
      // Set before the last page is delivered, so that the cursor of its last job is up to date.
      if (isLast) seen = delta.seen();
      for (const watcher of [...watchers]) watcher.deliver();
    }
  }

  function fail(error: Error): void {
    if (closed) return;
    // The database is a different or an older one: no watcher can continue from its position.
    if (error instanceof CursorInvalidError) return [...watchers].forEach((watcher) => watcher.fail(error));
    log.warn({ err: error }, 'changes of a watched account could not be read; retrying');
    due = true;
    retry = setTimeout(() => {
      retry = undefined;
      readDue();
    }, RETRY_MS);
  }

  function readDue(): void {
    if (!due || reading || retry || closed) return;
    due = false;
    reading = true;
    read()
      .catch(fail)
      .finally(() => {
        reading = false;
        readDue();
      });
  }

  return {
    seen: () => seen,
    wake() {
      due = true;
      readDue();
    },
    close() {
      closed = true;
      clearTimeout(retry);
    },
  };
}
