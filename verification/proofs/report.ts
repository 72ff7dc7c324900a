/**
 * Writes the table of proofs in `docs/reliability.md`: one row for each proof, replaced by its next run at full size.
 */
import { partOf } from '../harness/page.ts';
import type { Proof } from './proof.ts';

export interface ProofRun extends Proof {
  readonly name: string;
  readonly size: number;
  readonly seed: string;
  readonly commit: string;
}

const HEAD = ['| proof | size | figures | violations | run |', '| --- | --- | --- | --- | --- |'];

/** `order` is the order of the rows. */
export function writeProof(
  { name, size, figures, violations, seed, commit }: ProofRun,
  order: readonly string[],
): void {
  const part = partOf('prove:<name>');
  const rows = new Map(
    part
      .read()
      .split('\n')
      .slice(HEAD.length)
      .map((row) => [/^\| (\w+) \|/.exec(row)?.[1] ?? '', row]),
  );
  rows.set(
    name,
    `| ${name} | ${inWords(size)} | ${inWords(figures)} | ${violations.length > 0 ? `**${violations.join('; ')}**` : 'none'} | seed ${seed}, commit ${commit} |`,
  );
  part.write([...HEAD, ...order.flatMap((one) => rows.get(one) ?? [])].join('\n'));
}

/** Formats figures as text: names and numbers, nested ones in parentheses. */
function inWords(value: unknown): string {
  if (typeof value === 'number') return value.toLocaleString('en');
  if (Array.isArray(value)) return value.map(inWords).join(' and ');
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(
      ([name, inner]) =>
        `${name} ${typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? `(${inWords(inner)})` : inWords(inner)}`,
    )
    .join(', ');
}
