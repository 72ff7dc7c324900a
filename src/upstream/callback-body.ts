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

/** A link up to its query, and the query; in JSON slashes may be escaped as `\/`, `&` and `=` as `\u0026` and `\u003d`, more than once in JSON in JSON. */
const link = /(https?:(?:\\*\/){2}[^\s"'?]*)(\?(?:[^\s"'\\]|\\+[/u])*)?/gi;
const callbackToken = /(\/callbacks\\*\/[0-9a-f-]{36}\\*\/)[\w.-]+/gi;

/** Signed links open what they name: their query goes, and the token of one of our own callback URLs. NUL cannot be stored. */
export function redactBody(text: string): string {
  return text
    .replaceAll('\0', '')
    .replace(link, (_link, before: string, query?: string) => (query === undefined ? before : `${before}?[redacted]`))
    .replace(callbackToken, '$1[redacted]');
}
