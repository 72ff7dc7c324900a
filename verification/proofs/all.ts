/** All proofs, and the size of each at which its result counts. */
import { proveAdmission } from './admission/admission.ts';
import { proveDurability } from './durability/durability.ts';
import { proveFeedAlone } from './feed/feed.ts';
import { proveFuzz } from './fuzz/fuzz.ts';
import { proveHangups } from './hangups/hangups.ts';
import { proveIntake } from './intake/intake.ts';
import { proveKeys } from './keys/keys.ts';
import { proveOperations } from './operations/operations.ts';
import { proveOrders } from './orders/orders.ts';
import { proveOverload } from './overload/overload.ts';
import { provePolling } from './polling/polling.ts';
import type { Proof, ProofOptions } from './proof.ts';
import { proveQuota } from './quota/quota.ts';
import { proveReaders } from './readers/readers.ts';
import { proveSiege } from './siege/siege.ts';
import { proveSockets } from './sockets/sockets.ts';
import { proveSubmits } from './submits/submits.ts';
import { proveWebhooks } from './webhooks/webhooks.ts';

interface Entry {
  readonly size: number;
  readonly prove: (options: ProofOptions) => Promise<Proof>;
}

export const proofs = {
  submits: { size: 1_000, prove: proveSubmitsBothWays },
  keys: { size: 1_000, prove: proveKeys },
  orders: { size: 100_000, prove: proveOrders },
  admission: { size: 60, prove: proveAdmission },
  polling: { size: 50, prove: (options) => provePolling(options) },
  intake: { size: 300, prove: (options) => proveIntake({ ...options, perSecond: 300, limitMs: 150 }) },
  durability: { size: 20, prove: proveDurability },
  feed: { size: 100_000, prove: proveFeedAlone },
  readers: { size: 2_000, prove: proveReaders },
  fuzz: { size: 1_000_000, prove: proveFuzz },
  operations: { size: 5_000, prove: proveOperations },
  siege: {
    size: 100_000,
    prove: (options) => proveSiege({ ...options, slow: { connections: 1_000, seconds: 60 }, maxRatio: 2 }),
  },
  quota: { size: 50, prove: (options) => proveQuota({ ...options, balance: 100, calls: 500 }) },
  webhooks: { size: 10_000, prove: proveWebhooks },
  sockets: { size: 25, prove: proveSockets },
  hangups: { size: 1_000, prove: proveHangups },
  overload: { size: 30, prove: (options) => proveOverload({ ...options, rates: [300, 1_000, 3_000], maxRatio: 2 }) },
} satisfies Readonly<Record<string, Entry>>;

export type ProofName = keyof typeof proofs;

/** Finds the tasks of one half by callbacks only, and those of the other half by listing as well. */
async function proveSubmitsBothWays(options: ProofOptions): Promise<Proof> {
  const half = { ...options, size: Math.ceil(options.size / 2) };
  const callbacks = await proveSubmits({ ...half, seed: `${options.seed}-callbacks` }, false);
  const listing = await proveSubmits({ ...half, seed: `${options.seed}-listing` }, true);
  return {
    figures: { callbacks: callbacks.figures, listing: listing.figures },
    violations: [...callbacks.violations, ...listing.violations],
  };
}
