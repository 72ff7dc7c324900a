/** Operations on API keys, and the error codes of answers. */
import type { TestClient } from './client.ts';

export const codesOf = (answer: { errors?: readonly { extensions: Record<string, unknown> }[] }) =>
  answer.errors?.map(({ extensions }) => extensions.code);

export interface Issued {
  readonly key: string;
  readonly apiKey: { readonly id: string; readonly lastFour: string };
  readonly userErrors: readonly { readonly code: string }[];
}

export const createKey = async (client: TestClient, input: object): Promise<Issued> =>
  (
    await client.request<{ createApiKey: Issued }>(
      'mutation ($input: CreateApiKeyInput!) { createApiKey(input: $input) { key apiKey { id lastFour } userErrors { code } } }',
      { input },
    )
  ).data.createApiKey;

export const revokeKey = (client: TestClient, id: string) =>
  client.request<{ revokeApiKey: { apiKey: object | null; userErrors: object[] } }>(
    'mutation ($id: ID!) { revokeApiKey(input: { id: $id }) { apiKey { revokedAt } userErrors { code } } }',
    { id },
  );

export const whoAmI = (client: TestClient) =>
  client.request<{ viewer: { account: { id: string } } }>('{ viewer { account { id } } }');
