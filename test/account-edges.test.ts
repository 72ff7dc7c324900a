/** The edges of what accounts may do: how many keys, up to when, and what a limited token learns. */
import { describe, expect, test } from 'vitest';
import { clientWith, makeAccount, type MadeAccount } from './support/administrator.ts';
import { startGateway } from './support/gateway.ts';

describe('keys', () => {
  test('are no more than the limit by rotating either, and one is replaced without an overlap also then', async () => {
    const gateway = await startGateway({ MAX_KEYS_PER_ACCOUNT: '2' });
    const account = await makeAccount(gateway);
    const first = (await account.client.request<{ viewer: { keys: { id: string }[] } }>('{ viewer { keys { id } } }')).data.viewer.keys[0]!.id;
    const rotate = async ({ client }: Pick<MadeAccount, 'client'>, id: string, overlapSeconds: number) =>
      (await client.request<{ rotateApiKey: { key: string | null; apiKey: { id: string } | null; userErrors: { code: string; field: string[] }[] } }>('mutation ($input: RotateApiKeyInput!) { rotateApiKey(input: $input) { key apiKey { id } userErrors { code field } } }', { input: { id, overlapSeconds } })).data.rotateApiKey;
    const second = await rotate(account, first, 3_600);
    expect(second.userErrors).toEqual([]);
    expect(await rotate(account, first, 3_600)).toEqual({ key: null, apiKey: null, userErrors: [{ code: 'TOO_MANY', field: ['input', 'overlapSeconds'] }] });
    const third = await rotate(account, second.apiKey!.id, 0);
    expect(third.userErrors).toEqual([]);
    // The refusal has not ended it.
    expect((await account.client.request('{ viewer { account { id } } }')).status).toBe(200);
    expect((await clientWith(gateway, second.key!).request('{ viewer { account { id } } }')).status).toBe(401);
  });
});
