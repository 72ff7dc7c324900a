/**
 * Tests that the bugs of `npm run planted-bugs` can be planted into the current program. Only the run itself shows that
 * each bug makes its scenario fail.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { programOf } from '../../verification/harness/program.ts';
import { plantedBugs } from '../../verification/planted-bugs/all.ts';
import { applyEdits, plant } from '../../verification/planted-bugs/plant.ts';
import { unboundedMailbox } from '../../verification/planted-bugs/unbounded-mailbox.ts';
import type * as mailboxes from '../../src/concurrency/mailbox.ts';

describe('a planted bug', () => {
  test.each(plantedBugs.map((plantedBug) => [plantedBug.name, plantedBug] as const))(
    '%s matches each of its places in the code exactly once',
    (_name, { edits }) => {
      expect(edits.length).toBeGreaterThan(0);
      expect([...applyEdits(edits).keys()].sort()).toEqual([...new Set(edits.map(({ file }) => file))].sort());
    },
  );

  test('has a unique name', () => {
    expect(new Set(plantedBugs.map(({ name }) => name)).size).toBe(plantedBugs.length);
  });

  test('causes an error if the passage to replace is missing or not unique', () => {
    const edit = (find: string) => () => applyEdits([{ file: 'src/concurrency/mailbox.ts', find, replace: '' }]);
    expect(edit('no such text')).toThrow('src/concurrency/mailbox.ts has 0 times, and not once: no such text');
    expect(edit('unread')).toThrow(/has \d+ times, and not once: unread/);
  });

  test('is in the copy of the program, and not in the program itself', async () => {
    const drain = async (dist: string): Promise<readonly unknown[]> => {
      const program = await programOf('src/concurrency/mailbox.ts', dirname(dist));
      const { createMailbox } = (await import(pathToFileURL(program).href)) as typeof mailboxes;
      const mailbox = createMailbox<number>(() => undefined);
      for (const value of [1, 2, 3]) mailbox.put('a', value);
      mailbox.end();
      const values: number[] = [];
      for await (const value of mailbox) values.push(value);
      return values;
    };
    const [planted, healthy] = [await plant('test', unboundedMailbox.edits), await plant('test-without', [])];
    expect(await drain(planted)).toEqual([1, 2, 3]);
    expect(await drain(healthy)).toEqual([3]);
    const programOfBuild = (dist: string) =>
      readdirSync(dist)
        .filter((name) => name.endsWith('.js'))
        .map((name) => readFileSync(join(dist, name), 'utf8'))
        .sort()
        .join('');
    expect(programOfBuild(planted)).not.toBe(programOfBuild(healthy));
  });
});
