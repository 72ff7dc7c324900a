/**
 * `npm run chaos:teeth`: shows that the proofs can fail. It plants one bug after another into a copy of the program.
 * The scenario of each bug must fail with the bug and pass without it.
 *
 *   --only <name>     one planted bug; may be given several times
 *   --seed <text>     the source of all random choices (default: the time)
 *   --report          writes the table in docs/reliability.md; only if all bugs were run
 */
import { parseArgs } from 'node:util';
import { commitOfRun } from '../harness/commit.ts';
import { teeth } from '../planted-bugs/all.ts';
import { bite, type Bitten } from '../planted-bugs/caught.ts';
import { writeTeeth } from '../planted-bugs/report.ts';

const { values } = parseArgs({
  options: {
    only: { type: 'string', multiple: true },
    seed: { type: 'string' },
    report: { type: 'boolean', default: false },
  },
});
const unknown = values.only?.filter((name) => !teeth.some((tooth) => tooth.name === name)) ?? [];
if (unknown.length > 0) {
  console.error(
    `Unknown planted bug: ${unknown.join(', ')}. The planted bugs are: ${teeth.map(({ name }) => name).join(', ')}.`,
  );
  process.exit(2);
}

const seed = values.seed ?? String(Date.now());
const commit = commitOfRun();
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());

const from = performance.now();
const bitten: Bitten[] = [];
for (const tooth of teeth) {
  if (interrupted.signal.aborted || (values.only && !values.only.includes(tooth.name))) continue;
  const result = await bite(tooth, `${seed}-${tooth.name}`, interrupted.signal);
  bitten.push(result);
  const said = result.verdict === 'bit' ? result.violations : result.troubles;
  console.log(
    `${result.verdict.padEnd(20)} ${result.name} (${result.healthySeconds} s healthy, ${result.bugSeconds} s with the bug)${said.map((line) => `\n${' '.repeat(21)}${line}`).join('')}`,
  );
}
const seconds = Math.round((performance.now() - from) / 1_000);
const bit = bitten.filter(({ verdict }) => verdict === 'bit').length;

if (values.report && bitten.length === teeth.length)
  writeTeeth(bitten, `Seed ${seed}, commit ${commit}, ${seconds} s.`);
console.log(
  JSON.stringify({
    seed,
    commit,
    seconds,
    teeth: bitten.length,
    bit,
    slowestSeconds: Math.max(0, ...bitten.flatMap(({ healthySeconds, bugSeconds }) => [healthySeconds, bugSeconds])),
    results: bitten,
  }),
);
process.exit(bit === bitten.length && !interrupted.signal.aborted ? 0 : 1);
