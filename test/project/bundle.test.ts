/** Bundled programs: the positions in stack traces, and the source maps that provide them. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { programOf } from '../../verification/harness/program.ts';

test('an error names the line of the source, and the source map contains no positions of packages', async () => {
  const program = await programOf('test/fixtures/bundle/throws.ts');
  const said = await new Promise<string>((resolve) =>
    execFile(process.execPath, ['--enable-source-maps', program], (_error, _stdout, stderr) => resolve(stderr)),
  );
  expect(said).toMatch(/Error: not an id: none\n {4}at .*test\/fixtures\/bundle\/throws\.ts:4:/);
  const { sources } = JSON.parse(readFileSync(`${program}.map`, 'utf8')) as { sources: string[] };
  expect(sources).toEqual([expect.stringMatching(/throws\.ts$/)]);
});
