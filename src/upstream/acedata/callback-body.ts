/** A callback's body: what it claims. */
import type { Claim } from '../../jobs/model/upstream-news.ts';
import { toOutcome } from './outcome.ts';
import { readLooseJson } from './wire/json.ts';
import { decideResult } from './wire/result.ts';

/** Decodes a callback's body, whatever it is. */
export function decodeClaim(text: string): Claim {
  const { taskId, outcome, odd } = decideResult(readLooseJson(text));
  return { taskId, outcome: outcome && toOutcome(outcome), odd };
}
