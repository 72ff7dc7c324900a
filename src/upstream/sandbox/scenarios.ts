/** The scenarios of the sandbox, which `sandbox:<name>` anywhere in the prompt selects. */
import { suggestionList } from 'graphql/jsutils/suggestionList.js';

export const scenarios = {
  success: 'The task succeeds and calls back once. This is the default.',
  moderated: 'The submit is refused by content moderation: 403 `forbidden`.',
  'bad-media': 'The submit is refused because of the image: 400 `bad_request`.',
  failed: 'The task is accepted and fails with `api_error`; the callback reports the failure.',
  'lost-callback': 'The task succeeds without a callback: polling finds the result.',
  'duplicate-callback': 'The same callback is sent three times, two of them at the same time.',
  'early-callback': 'The callback arrives before the answer to the submit.',
  'late-callback': 'The callback arrives long after the task has succeeded.',
  'contradictory-callback': 'A callback claims failure although the task succeeds; a second one then claims success.',
  'rate-limited':
    'The first two submits of the input are answered with 429 `too_many_requests`; the third is accepted.',
  'used-up':
    'The first submit of the input is answered with 403 `used_up`, ' +
    'which delays every job for a minute; the second is accepted.',
  'server-error': 'The submit is answered with 500 `api_error`, and no task is created.',
  'gateway-timeout': 'A proxy answers the submit with 504 although the task was accepted; the callback is sent.',
  synchronous: 'The answer to the submit is the finished result.',
  hang: 'The submit is never answered, and no task is created.',
  malformed: 'The submit is answered with half a JSON body although the task was accepted; the callback is sent.',
} as const satisfies Record<string, string>;

export type Scenario = keyof typeof scenarios;

/**
 * Returns the scenario that a prompt selects, the first one if it names several; `success` if it names none. For a name
 * that does not exist, returns the message of the error.
 */
export function scenarioOf(prompt: string | undefined): Scenario | { readonly unknown: string } {
  const names = [...(prompt ?? '').matchAll(/\bsandbox:(\w+(?:-\w+)*)/gi)].map(([, name]) => name!.toLowerCase());
  const unknown = names.find((name) => !Object.hasOwn(scenarios, name));
  return unknown === undefined ? ((names[0] ?? 'success') as Scenario) : { unknown: describeUnknown(unknown) };
}

const MAX_NAME = 64;

function describeUnknown(name: string): string {
  const known = Object.keys(scenarios);
  const [nearest] = suggestionList(name.replaceAll('_', '-').slice(0, MAX_NAME), known);
  return `The sandbox has no scenario "${name.slice(0, MAX_NAME)}"${nearest === undefined ? '' : `; did you mean "${nearest}"?`} Scenarios: ${known.join(', ')}.`.replace(
    '" Scenarios',
    '". Scenarios',
  );
}
