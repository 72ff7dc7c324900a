/**
 * What strangers write is read in whatever shape it comes: nothing but documented errors is thrown, nothing takes over
 * 50 ms of CPU time, and each door keeps its own promise: no private address, no kept secret, no cursor, key or token
 * that we did not make, and one hash for one input.
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

export const doors = [
  door(answers),
  door(redaction),
  door(requests),
  door(hashing),
  door(cursors),
  door(apiKeys),
  door(callbackTokens),
  door(clientTokens),
];

/** `size` is how many inputs each door is given. */
export async function proveFuzz({ seed, size, log }: ProofOptions): Promise<Proof> {
  const figures: Record<string, TargetFigures> = {};
  const violations: string[] = [];
  for (const { name, fuzz: run } of doors) {
    const found = await run({ seed, size });
    figures[name] = found.figures;
    violations.push(...found.violations);
    log(
      `${name}: ${found.figures.inputs} inputs in ${found.figures.seconds} s, the slowest ${found.figures.slowestMs} ms of CPU time`,
    );
  }
  return {
    figures: { inputs: Object.values(figures).reduce((sum, { inputs }) => sum + inputs, 0), doors: figures },
    violations,
  };
}
