/** Writes the table of planted bugs in `docs/reliability.md`. */
import { partOf } from '../harness/page.ts';
import type { Bitten } from './caught.ts';

export function writeTeeth(teeth: readonly Bitten[], run: string): void {
  const rows = teeth.map(
    ({ name, bug, verdict, violations, healthySeconds, bugSeconds }) =>
      `| ${name} | ${bug} | ${verdict === 'bit' ? violations.join('; ') : `**${verdict}**`} | ${healthySeconds} | ${bugSeconds} |`,
  );
  const table = [
    '| tooth | the bug | what turned red | healthy, s | with the bug, s |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
  partOf('chaos:teeth').write(`${table}\n\n${run}`);
}
