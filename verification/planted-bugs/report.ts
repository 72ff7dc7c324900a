/** Writes the table of planted bugs in `docs/reliability.md`. */
import { partOf } from '../harness/page.ts';
import type { PlantedBugResult } from './caught.ts';

export function writePlantedBugs(plantedBugs: readonly PlantedBugResult[], run: string): void {
  const rows = plantedBugs.map(
    ({ name, bug, verdict, violations, healthySeconds, bugSeconds }) =>
      `| ${name} | ${bug} | ${verdict === 'caught' ? violations.join('; ') : `**${verdict}**`} | ${healthySeconds} | ${bugSeconds} |`,
  );
  const table = [
    '| name | bug | violation that was found | healthy, s | with the bug, s |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
  ].join('\n');
  partOf('planted-bugs').write(`${table}\n\n${run}`);
}
