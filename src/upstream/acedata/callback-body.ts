/** Decodes the claim in the body of a callback. */
import type { Claim } from '../../jobs/model/upstream-news.ts';
import { toOutcome } from './outcome.ts';
import { readLooseJson } from './wire/json.ts';
import { decideResult } from './wire/result.ts';

/** Decodes the body of a callback. Any text is allowed. */
export function decodeClaim(text: string): Claim {
  const { taskId, outcome, odd } = decideResult(readLooseJson(text));
  return { taskId, outcome: outcome && toOutcome(outcome), odd };
}
