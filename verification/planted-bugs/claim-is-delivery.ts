import { startListening } from '../chaos/listening.ts';
import { readJournal } from '../harness/journal.ts';
import { createRandom } from '../harness/random.ts';
import type { HeardWebhook } from '../chaos/checker/evidence.ts';
import { calmUpstream, comesTrue, createLoad, until, violationsOf } from './load.ts';
import type { PlantedBug } from './planted-bug.ts';

/** A lease lasts three times the timeout of an attempt plus 10 s. */
const TOLD_LIMIT_MS = 17_000;

export const claimIsDelivery: PlantedBug = {
  name: 'claim-is-delivery',
  bug: 'counts a webhook as delivered as soon as an instance has claimed it',
  edits: [
    {
      file: 'src/db/webhooks/delivery-store.ts',
      find: 'set next_attempt_at = ${inMs(leaseMs)} from due',
      replace: "set next_attempt_at = null, state = 'DELIVERED' from due",
    },
  ],
  async scenario(bench) {
    const harness = await bench.startHarness({
      gateways: 2,
      settings: {
        EGRESS_ALLOW: '127.0.0.1',
        EGRESS_TIMEOUT_SECONDS: '1',
        WEBHOOK_RETRY_SECONDS: '1,1,1,1,1',
        PLAYGROUND: 'off',
      },
      upstream: calmUpstream(bench, 0.1),
    });
    const listening = await startListening(harness, createRandom(`${bench.seed}:receiver`));
    try {
      // The gateway that begins to deliver dies before the first byte.
      for (const gateway of harness.gateways) {
        void gateway.untilEnd().then(() => harness.gateways.forEach((other) => other !== gateway && other.order(null)));
        gateway.order('K11');
      }
      const load = createLoad(bench, harness);
      await load.submit(1);
      await until('a gateway dies at its webhook', () => harness.gateways.some((gateway) => !gateway.isUp()));
      await comesTrue(
        () => readJournal<HeardWebhook>(listening.file).some(({ status }) => status === 200),
        TOLD_LIMIT_MS,
      );
      return await violationsOf(harness, load, ['webhookLost', 'webhookTwice'], listening.file);
    } finally {
      listening.stop();
    }
  },
};
