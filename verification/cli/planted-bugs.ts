/**
 * `npm run planted-bugs`: shows that the proofs can fail. It plants one bug after another into a copy of the program.
 * The scenario of each bug must fail with the bug and pass without it.
 *
 *   --only <name>     one planted bug; may be given several times
 *   --seed <text>     the source of all random choices (default: the time)
 *   --report          writes the table in docs/reliability.md; only if all bugs were run
 */
import { parseArgs } from 'node:util';
import { commitOfRun } from '../harness/commit.ts';
import { plantedBugs } from '../planted-bugs/all.ts';
import { checkPlantedBug, type PlantedBugResult } from '../planted-bugs/caught.ts';
import { writePlantedBugs } from '../planted-bugs/report.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    seed: { type: 'string' },
    report: { type: 'boolean', default: false },
  },
});
const unknown = values.only?.filter((name) => !plantedBugs.some((plantedBug) => plantedBug.name === name)) ?? [];
if (unknown.length > 0) {
  console.error(
    `Unknown planted bug: ${unknown.join(', ')}. The planted bugs are: ${plantedBugs.map(({ name }) => name).join(', ')}.`,
  );
  process.exit(2);
}

const seed = values.seed ?? String(Date.now());
const commit = commitOfRun();
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());

const from = performance.now();
const results: PlantedBugResult[] = [];
for (const plantedBug of plantedBugs) {
  if (interrupted.signal.aborted || (values.only && !values.only.includes(plantedBug.name))) continue;
  const result = await checkPlantedBug(plantedBug, `${seed}-${plantedBug.name}`, interrupted.signal);
  results.push(result);
  const said = result.verdict === 'caught' ? result.violations : result.troubles;
  console.log(
    `${result.verdict.padEnd(20)} ${result.name} (${result.healthySeconds} s healthy, ${result.bugSeconds} s with the bug)${said.map((line) => `\n${' '.repeat(21)}${line}`).join('')}`,
  );
}
const seconds = Math.round((performance.now() - from) / 1_000);
const caught = results.filter(({ verdict }) => verdict === 'caught').length;

if (values.report && results.length === plantedBugs.length)
  writePlantedBugs(results, `Seed ${seed}, commit ${commit}, ${seconds} s.`);
console.log(
  JSON.stringify({
    seed,
    commit,
    seconds,
    plantedBugs: results.length,
    caught,
    slowestSeconds: Math.max(0, ...results.flatMap(({ healthySeconds, bugSeconds }) => [healthySeconds, bugSeconds])),
    results,
  }),
);
process.exit(caught === results.length && !interrupted.signal.aborted ? 0 : 1);
