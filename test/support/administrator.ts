/** Administrator operations over HTTP. */
import type { TestGateway } from './gateway.ts';
import { createClient, type TestClient } from './client.ts';

export interface MadeAccount {
  readonly id: string;
  readonly key: string;
  readonly client: TestClient;
}

/** Creates a client with another key, or with a token. */
export const clientWith = ({ url }: Pick<TestGateway, 'url'>, apiKey: string): TestClient =>
  createClient({ url, apiKey });

export const asAdministratorOf = ({
  url,
  administratorKey,
}: Pick<TestGateway, 'url' | 'administratorKey'>): TestClient => createClient({ url, apiKey: administratorKey });

export async function makeAccount(
  gateway: TestGateway,
  input: { quotaLimit?: number; monthlyLimit?: number; name?: string; email?: string } = {},
): Promise<MadeAccount> {
  const { data } = await asAdministratorOf(gateway).request<{
    createAccount: { key: string; account: { id: string }; userErrors: object[] };
  }>(
    'mutation ($input: CreateAccountInput!) { createAccount(input: $input) { key account { id } userErrors { code message } } }',
    { input: { name: 'A team', ...input } },
  );
  const { key, account, userErrors } = data.createAccount;
  if (userErrors.length > 0) throw new Error(JSON.stringify(userErrors));
  return { id: account.id, key, client: clientWith(gateway, key) };
}
