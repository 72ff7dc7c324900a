/** The table of teeth in `docs/reliability.md`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Bitten } from './bitten.ts';

const PAGE = fileURLToPath(new URL('../../docs/reliability.md', import.meta.url));
const BEGIN = '<!-- teeth: made by npm run chaos:teeth -- --report -->';
const END = '<!-- teeth: end -->';

/** Replaces the table between the markers. */
export function writeTeeth(teeth: readonly Bitten[], run: string): void {
  const page = readFileSync(PAGE, 'utf8');
  const [before, after] = [page.indexOf(BEGIN), page.indexOf(END)];
  if (before < 0 || after < before) throw new Error(`${PAGE} has lost its markers`);
  const rows = teeth.map(({ name, bug, verdict, violations, healthySeconds, bugSeconds }) => `| ${name} | ${bug} | ${verdict === 'bit' ? violations.join('; ') : `**${verdict}**`} | ${healthySeconds} | ${bugSeconds} |`);
  const table = ['| tooth | the bug | what turned red | healthy, s | with the bug, s |', '| --- | --- | --- | --- | --- |', ...rows].join('\n');
  writeFileSync(PAGE, `${page.slice(0, before + BEGIN.length)}\n\n${table}\n\n${run}\n\n${page.slice(after)}`);
}
