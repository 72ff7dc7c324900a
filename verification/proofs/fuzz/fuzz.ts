/**
 * Fuzzes all code that reads untrusted input. No input causes an undocumented error or takes more than 50 ms of CPU
 * time, and each target keeps its own guarantee: it accepts no private address, stores no secret, accepts no cursor,
 * key or token that the gateway did not make, and has one hash for one input.
 */
import { answers } from './answers.ts';
import { apiKeys, callbackTokens, clientTokens } from './credentials.ts';
import { cursors } from './cursors.ts';
import { redaction } from './redaction.ts';
import { hashing, requests } from './requests.ts';
import { fuzz, type Target, type TargetFigures } from './target.ts';
import type { Proof, ProofOptions } from '../proof.ts';

type Options = Pick<ProofOptions, 'seed' | 'size'>;
const door = <Input, Output>(target: Target<Input, Output>) => ({
  name: target.name,
  fuzz: (options: Options) => fuzz(target, options),
});

export const targets = [
  door(answers),
  door(redaction),
  door(requests),
  door(hashing),
  door(cursors),
  door(apiKeys),
  door(callbackTokens),
  door(clientTokens),
];

/** `size` is the number of inputs for each target. */
export async function proveFuzz({ seed, size, log }: ProofOptions): Promise<Proof> {
  const figures: Record<string, TargetFigures> = {};
  const violations: string[] = [];
  for (const { name, fuzz: run } of targets) {
    const found = await run({ seed, size });
    figures[name] = found.figures;
    violations.push(...found.violations);
    log(
      `${name}: ${found.figures.inputs} inputs in ${found.figures.seconds} s, the slowest ${found.figures.slowestMs} ms of CPU time`,
    );
  }
  return {
    figures: { inputs: Object.values(figures).reduce((sum, { inputs }) => sum + inputs, 0), targets: figures },
    violations,
  };
}
