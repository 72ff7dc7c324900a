/** Tests the `Idempotency-Key` header in the two forms that clients send: bare, and as an RFC 8941 string. */
import { describe, expect, test } from 'vitest';
import { readIdempotencyKey } from '../../src/http/idempotency-key.ts';
import { EXAMPLE } from '../support/client.ts';
import { asAdministrator } from '../support/database.ts';
import { startGateway, type TestGateway } from '../support/gateway.ts';
import { shared } from '../support/on-end.ts';
import { createRestClient } from '../support/rest.ts';

test.each<[string, string]>([
  ['k', 'k'],
  ['"k"', 'k'],
  [' "k" ', 'k'],
  ['"a\\"b"', 'a"b'],
  ['"a\\\\b"', 'a\\b'],
  ['"8e03978e-40d5-43dd-bc93-6894a57f9324"', '8e03978e-40d5-43dd-bc93-6894a57f9324'],
  ['""', ''],
  ['"k', '"k'],
  ['k"', 'k"'],
  ['"a"b"', '"a"b"'],
  ['"a\\b"', '"a\\b"'],
  ['"a\\"', '"a\\"'],
  ['"a", "b"', '"a", "b"'],
  ["'k'", "'k'"],
])('the header %s contains the key %s', (header, key) => {
  expect(readIdempotencyKey(header)).toEqual({ key, formerKey: key === header ? null : header });
});

/** Returns the id of the job, or the error code. */
const overGraphQL = async ({ client }: TestGateway, key: string, input: object = {}): Promise<string> => {
  const answer = await client.request<{
    generateMotion: { job: { id: string } | null; userErrors: { code: string }[] };
  }>(
    'mutation ($input: GenerateMotionInput!) { generateMotion(input: $input) { job { id } userErrors { code } } }',
    { input: { ...EXAMPLE, ...input } },
    { 'idempotency-key': key },
  );
  const [error] = answer.errors ?? [];
  return error
    ? (error.extensions.code as string)
    : (answer.data.generateMotion.job?.id ?? answer.data.generateMotion.userErrors[0]!.code);
};

/** Returns the id of the task, or the status code. */
const overRest = async (gateway: TestGateway, key: string, more: object = {}): Promise<string> => {
  const { status, body } = await createRestClient(gateway).submit({ async: true, ...more }, { 'idempotency-key': key });
  return body.task_id ?? `${status}`;
};

describe('a quoted key', () => {
  const plain = shared(() => startGateway());

  test('equals the bare key, over both interfaces and in the input', async () => {
    const gateway = plain();
    const id = await overGraphQL(gateway, 'one');
    for (const key of ['"one"', ' "one"', 'one']) expect(await overGraphQL(gateway, key), key).toBe(id);
    expect(await overGraphQL(gateway, '"one"', { idempotencyKey: 'one' })).toBe(id);
    expect(await overGraphQL(gateway, '"one"', { prompt: 'another' })).toBe('IDEMPOTENCY_KEY_REUSED');
    expect(await overGraphQL(gateway, '"one"', { idempotencyKey: 'two' })).toBe('IDEMPOTENCY_KEY_AMBIGUOUS');
    expect(await overGraphQL(gateway, '""')).toBe('INVALID_FORMAT');

    const task = await overRest(gateway, '"a\\"b"');
    expect([await overRest(gateway, 'a"b'), await overRest(gateway, '"a\\"b"')]).toEqual([task, task]);
    expect(await overRest(gateway, '"a\\"b"', { prompt: 'another' })).toBe('400');
    expect(await overRest(gateway, '""')).toBe('400');
  });

  test('that an earlier version stored with its quotes still identifies its job, even after the job was deleted', async () => {
    const gateway = plain();
    const [one, two] = [await overGraphQL(gateway, 'first'), await overRest(gateway, 'second')];
    await asAdministrator(
      `update jobs set idempotency_key = '"' || idempotency_key || '"' where idempotency_key in ('first', 'second')`,
      gateway.databaseUrl,
    );
    expect(await overGraphQL(gateway, '"first"')).toBe(one);
    expect(await overGraphQL(gateway, '"first"', { prompt: 'another' })).toBe('IDEMPOTENCY_KEY_REUSED');
    expect(await overRest(gateway, '"second"')).toBe(two);
    await gateway.client.untilEnd(one);
    await gateway.client.request('mutation ($id: ID!) { deleteMotionJob(input: { id: $id }) { deletedId } }', {
      id: one,
    });
    expect(await overGraphQL(gateway, '"first"')).toBe('JOB_DELETED');
  });
});
