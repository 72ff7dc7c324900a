/** Tests that the tables in docs/rest.md match the code. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { failureTellings } from '../../../src/http/rest/failure-codes.ts';
import { describeRest } from '../../../src/http/rest/openapi.ts';
import { errorStatuses } from '../../../src/upstream/acedata/wire/envelopes.ts';
import { submitBody } from '../../../src/upstream/acedata/wire/submit-body.ts';

const page = readFileSync(new URL('../../../docs/rest.md', import.meta.url), 'utf8');
const rows = page.split('\n').flatMap((line) => (line.startsWith('| ') ? [line.slice(2, -2).split(' | ')] : []));
const codesIn = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code!);

test('docs/rest.md lists every failure of a job with its code and status', () => {
  const written = rows
    .filter(([name]) => codesIn(name!)[0]! in failureTellings)
    .map(([name, code, meaning]) => [codesIn(name!)[0], code, meaning]);
  expect(written).toEqual(
    Object.entries(failureTellings).map(([name, { code, meaning }]) => [
      name,
      `\`${code}\` (${errorStatuses[code]})`,
      meaning,
    ]),
  );
});

test('docs/rest.md lists exactly the error statuses of the OpenAPI description, with matching codes', () => {
  const written = rows.flatMap(([statuses, code]) =>
    /^\d{3}/.test(statuses!) ? statuses!.split(', ').map((status) => `${status} ${codesIn(code!)[0]}`) : [],
  );
  const { paths } = describeRest() as {
    paths: Record<
      string,
      { post: { responses: Record<string, { content: Record<string, { examples?: Record<string, unknown> }> }> } }
    >;
  };
  const described = Object.values(paths)
    .flatMap(({ post }) => Object.keys(post.responses))
    .filter((status) => status !== '200');
  expect([...new Set(written.map((entry) => entry.split(' ')[0]))].sort()).toEqual([...new Set(described)].sort());
  for (const entry of written) {
    const [status, code] = entry.split(' ') as [string, keyof typeof errorStatuses];
    if (code in errorStatuses && code !== 'bad_request') expect(entry).toBe(`${errorStatuses[code]} ${code}`);
    expect(status).toMatch(/^[45]\d\d$/);
  }
});

test('docs/rest.md lists every field of a submit', () => {
  expect(
    rows
      .filter(([, , values]) => values !== undefined)
      .flatMap(([names]) => codesIn(names!))
      .filter((name) => name in submitBody.shape)
      .sort(),
  ).toEqual(Object.keys(submitBody.shape).sort());
});
