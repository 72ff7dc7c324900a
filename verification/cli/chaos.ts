/**
 * `npm run chaos`: injects faults into every part of the system, and checks that no promise is violated.
 *
 *   --seed <text>     the source of all random choices: faults, callbacks, the order of injections (default: the time)
 *   --quick, --long   a shorter or longer run than the full one
 *   --jobs <number>   another number of jobs; the numbers of faults are scaled to it
 *   --dist <folder>   another build of the program
 *   --listing         sets LISTING_LOOKUP=on
 *   --report          writes the table in docs/reliability.md
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { modeOf, type ModeName } from '../chaos/modes.ts';
import { summarise, writeReport } from '../chaos/report.ts';
import { runChaos } from '../chaos/scenario.ts';
import { violationKinds, type ViolationKind } from '../chaos/checker/check.ts';
import { historyOf } from '../chaos/checker/history.ts';
import { commitOfRun } from '../harness/commit.ts';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    quick: { type: 'boolean' },
    long: { type: 'boolean' },
    jobs: { type: 'string' },
    dist: { type: 'string' },
    listing: { type: 'boolean', default: false },
    report: { type: 'boolean', default: false },
  },
});
/** The number of violations of each kind whose histories are printed. Further violations are only listed. */
const HISTORIES = 3;

const seed = values.seed ?? String(Date.now());
const name: ModeName = values.quick ? 'quick' : values.long ? 'long' : 'full';
const mode = modeOf(name, values.jobs === undefined ? undefined : Number(values.jobs));
const commit = commitOfRun();
const interrupted = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => interrupted.abort());

console.log(`chaos: seed ${seed}, ${name}, ${mode.jobs} jobs.`);
const result = await runChaos({
  seed,
  mode,
  ...(values.dist !== undefined && { dist: resolve(values.dist) }),
  listing: values.listing,
  log: (message) => console.log(`  ${message}`),
  signal: interrupted.signal,
});

const told: Partial<Record<ViolationKind, number>> = {};
for (const violation of result.violations) {
  console.log(
    `VIOLATION ${violation.kind}, ${violationKinds[violation.kind]}: ${violation.message} (job ${violation.jobId}, key ${violation.key})`,
  );
  const before = told[violation.kind] ?? 0;
  told[violation.kind] = before + 1;
  if (before < HISTORIES) for (const line of historyOf(violation, result.evidence)) console.log(`  ${line}`);
}
for (const failure of result.failures) console.log(`FAILURE ${failure}`);
if (result.violations.length + result.failures.length > 0)
  console.log(`Logs and ledger are in ${result.folder}; to repeat the plan: --seed ${seed}`);

const summary = summarise({
  seed,
  commit,
  mode: values.jobs === undefined ? name : `${name} scaled to ${mode.jobs} jobs`,
  ...result,
});
if (values.report) writeReport(summary);
console.log(JSON.stringify(summary));
process.exit(result.violations.length + result.failures.length > 0 ? 1 : 0);
