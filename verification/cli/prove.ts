/**
 * `npm run prove:<name>`: checks one promise, by default at the size at which the result is trusted. The last line of
 * the output is JSON. The exit code is 1 if the promise does not hold.
 *
 *   --seed <text>     the source of all random choices (default: the time)
 *   --size <number>   a size other than the full size
 *   --dist <folder>   another build of the program
 *   --report          writes the row of the proof in docs/reliability.md; only for the project's own build at full size
 */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { commitOfRun } from '../harness/commit.ts';
import { proofs, type ProofName } from '../proofs/all.ts';
import { writeProof } from '../proofs/report.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: 'string' },
    size: { type: 'string' },
    dist: { type: 'string' },
    report: { type: 'boolean', default: false },
  },
});
const name = positionals[0] ?? '';
if (!Object.hasOwn(proofs, name)) {
  console.error(`Usage: npm run prove:<name>, where the name is one of ${Object.keys(proofs).join(', ')}`);
  process.exit(2);
}
const { prove, size: fullSize } = proofs[name as ProofName];
const seed = values.seed ?? String(Date.now());
const size = values.size === undefined ? fullSize : Number(values.size);
const commit = commitOfRun();
if (values.report && (values.size !== undefined || values.dist !== undefined)) {
  console.error("--report requires the project's own build and the full size.");
  process.exit(2);
}

console.log(`prove:${name}: seed ${seed}, size ${size}`);
const { figures, violations } = await prove({
  seed,
  size,
  ...(values.dist !== undefined && { dist: resolve(values.dist) }),
  log: (message) => console.log(`  ${message}`),
});
for (const violation of violations) console.log(`VIOLATION ${violation}`);
if (values.report) writeProof({ name, size, figures, violations, seed, commit }, Object.keys(proofs));
console.log(JSON.stringify({ proof: name, seed, size, commit, ...figures, violations: violations.length }));
process.exit(violations.length > 0 ? 1 : 0);
