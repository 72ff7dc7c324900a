/** Runs `npm run prove:webhooks` at a hundredth of its size, on the built program. */
import { expect, test } from 'vitest';
import { proveWebhooks } from '../../../verification/proofs/webhooks/webhooks.ts';

test(
  'webhooks to receivers that fail, hang, reset, redirect, or answer 410 are delivered or abandoned according to the rules while a gateway is killed',
  { timeout: 240_000 },
  async () => {
    const { figures, violations } = await proveWebhooks({ seed: 'test', size: 100, log: () => undefined });
    expect(violations).toEqual([]);
    expect(figures).toMatchObject({
      deliveries: 100,
      kills: 1,
      receivers: { failing: 1, gone: 1, hanging: 1, healthy: 5, redirecting: 1, resetting: 1 },
    });
  },
);
