/** Tests which job a REST request with an `Idempotency-Key` gets. */
import { describe, expect, test } from 'vitest';
import { sharedJoining } from '../../support/joining.ts';

const common = sharedJoining();

describe('an idempotency key', () => {
  test('shares one key space with GraphQL and leaves no record of the request', async () => {
    const stage = common();
    const key = { 'idempotency-key': 'order-1' };
    const id = await stage.rest.take({}, key);
    expect(await stage.rest.take({}, key)).toBe(id);
    const job = await stage.gateway.client.generate({ idempotencyKey: 'order-1' });
    expect(job.id).toBe(id);
    const { id: other } = await stage.gateway.client.generate({ idempotencyKey: 'order-2' });
    expect(await stage.rest.take({}, { 'idempotency-key': 'order-2' })).toBe(other);
    expect(await stage.rest.submit({ async: true, prompt: 'else' }, key)).toMatchObject({
      status: 400,
      body: { error: { code: 'bad_request', message: expect.stringContaining('Idempotency-Key') as string } },
    });
    expect(await stage.rest.submit({}, { 'idempotency-key': 'a b' })).toMatchObject({
      status: 400,
      body: { error: { message: expect.stringContaining('Idempotency-Key') as string } },
    });
    expect(await stage.states()).toEqual([]);
  });

  test('returns the existing job even if the first request was answered', async () => {
    const stage = common();
    const key = { 'idempotency-key': 'order-1' };
    const first = stage.rest.submit({}, key);
    await stage.finish();
    expect((await stage.rest.submit({}, key)).body).toMatchObject({
      task_id: (await first).body.task_id,
      state: 'succeed',
    });
    expect(await stage.jobs()).toHaveLength(1);
  });
});
