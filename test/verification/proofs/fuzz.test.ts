/** Runs `npm run prove:fuzz` at a hundredth of its size: 10,000 inputs for each entry point. */
import { expect, test } from 'vitest';
import { targets } from '../../../verification/proofs/fuzz/fuzz.ts';

/** Results that must occur for each entry point, so that the proof covers more than refusals. */
const reached: Readonly<Record<string, readonly string[]>> = {
  'decoding the upstream': ['a claim, accepted', 'a claim, ambiguous', 'a claim, refused', 'an odd claim, accepted'],
  'redacting callbacks': ['redacted', 'nothing to redact'],
  'rules of requests': [
    'accepted',
    'PRIVATE_ADDRESS',
    'PRIVATE_ADDRESS URL_HAS_CREDENTIALS',
    'INVALID_URL',
    'TOO_LONG',
    'INVALID_FORMAT',
    'DUPLICATE',
    'TOO_MANY',
  ],
  'hashing inputs': ['alike', 'different'],
  cursors: ['accepted', 'refused'],
  'API keys': ['accepted', 'refused'],
  'callback URLs': ['accepted', 'refused'],
  'client tokens': ['accepted', 'refused'],
};

test.each(targets)('$name: no input breaks a rule or takes more than 50 ms of CPU time', async ({ name, fuzz }) => {
  const { figures, violations } = await fuzz({ seed: 'test', size: 10_000 });
  expect(violations).toEqual([]);
  expect(figures.inputs).toBe(10_000);
  expect(reached[name]!.filter((kind) => !(kind in figures.kinds))).toEqual([]);
});
