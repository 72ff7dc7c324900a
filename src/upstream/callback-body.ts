/** A callback's body: what it claims, and how it is kept. */
import type { Claim } from '../jobs/upstream-port.ts';
import { toOutcome } from './outcome.ts';
import { readJson } from './wire/json.ts';
import { decideResult } from './wire/result.ts';

/** Decodes a callback's body, whatever it is. */
export function decodeClaim(text: string): Claim {
  const { taskId, outcome, odd } = decideResult(readJson(text));
  return { taskId, outcome: outcome && toOutcome(outcome), odd };
}

/** Signed links open what they name: their query goes, and the token of one of our own callback URLs. NUL cannot be stored. */
export function redactBody(text: string): string {
  return text
    .replaceAll('\0', '')
    .replace(/(https?:(?:\\?\/){2}[^\s"'?]*)\?[^\s"'\\]*/gi, '$1?[redacted]')
    .replace(/(\\?\/callbacks\\?\/[0-9a-f-]{36}\\?\/)[\w.-]+/gi, '$1[redacted]');
}
