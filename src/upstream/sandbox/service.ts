/** Serves the upstream's routes for the sandbox; the scenario determines the response to a submit. */
import { setTimeout } from 'node:timers/promises';
import { Refusal, type SubmitContext, type SubmitReply, type UpstreamService } from '../acedata/wire/routes.ts';
import { encodeAccepted } from '../acedata/wire/submit-answer.ts';
import { isAsynchronous, type SubmitBody } from '../acedata/wire/submit-body.ts';
import type { Caller } from './caller.ts';
import { scenarioOf, type Scenario } from './scenarios.ts';
import { recordOf, resultOf, type SandboxTask, type TaskBook } from './task-book.ts';

export interface SandboxServiceOptions {
  readonly book: TaskBook;
  readonly caller: Caller;
  readonly mediaUrl: () => string;
  /** Null accepts any token. */
  readonly token: string | null;
  readonly seconds: number;
  readonly maxInFlight: number;
}

export function createSandboxService({
  book,
  caller,
  mediaUrl,
  token,
  seconds,
  maxInFlight,
}: SandboxServiceOptions): UpstreamService<null> {
  /** The number of deliberate refusals of each input. */
  const refusals = new Map<string, number>();

  function refuseFirst(times: number, body: SubmitBody, refusal: Refusal): void {
    const input = JSON.stringify([body.image_url, body.video_url, body.prompt]);
    const refused = refusals.get(input) ?? 0;
    if (refused < times) {
      refusals.set(input, refused + 1);
      throw refusal;
    }
    refusals.delete(input);
  }

  /** Adds the task. Its duration varies by 20 % in either direction. */
  function take(scenario: Scenario, { sent, traceId }: SubmitContext): SandboxTask {
    const atOnce = scenario === 'synchronous' || scenario === 'early-callback';
    const task = book.add(sent, scenario, traceId, atOnce ? 0 : seconds * 1_000 * (0.8 + 0.4 * Math.random()));
    caller.schedule(task);
    return task;
  }

  async function submit(body: SubmitBody, context: SubmitContext): Promise<SubmitReply> {
    const scenario = scenarioOf(body.prompt);
    if (typeof scenario === 'object') throw new Refusal('bad_request', scenario.unknown);
    switch (scenario) {
      case 'moderated':
        throw new Refusal('forbidden', 'The content was refused by moderation.');
      case 'bad-media':
        throw new Refusal('bad_request', 'The image is smaller than 300 pixels.');
      case 'server-error':
        throw new Refusal('api_error', 'fetch failed');
      case 'hang':
        return { kind: 'hang' };
      case 'rate-limited':
        refuseFirst(2, body, new Refusal('too_many_requests', 'Too many requests.'));
        break;
      case 'used-up':
        refuseFirst(1, body, new Refusal('used_up', 'The balance is used up.'));
        break;
    }
    if (book.countRunning() >= maxInFlight)
      throw new Refusal('too_many_requests', `${maxInFlight} tasks are already in flight.`);

    const task = take(scenario, context);
    switch (scenario) {
      case 'gateway-timeout':
        return {
          kind: 'raw',
          httpStatus: 504,
          contentType: 'text/html',
          text: '<html><body><h1>504 Gateway Time-out</h1></body></html>',
        };
      case 'malformed':
        return {
          kind: 'raw',
          httpStatus: 200,
          contentType: 'application/json',
          text: `{"task_id": "${task.taskId.slice(0, 12)}`,
        };
      case 'early-callback':
        await caller.callNow(task);
        return { kind: 'json', body: encodeAccepted(task.taskId) };
      case 'synchronous':
        return { kind: 'json', body: resultOf(task, mediaUrl()) };
    }
    if (isAsynchronous(body)) return { kind: 'json', body: encodeAccepted(task.taskId) };
    // Holds the request until the task has ended. If the client has disconnected by then, the response is discarded.
    while (task.endsAtMs > Date.now() && !context.signal.aborted) {
      await setTimeout(task.endsAtMs - Date.now(), undefined, { signal: context.signal }).catch(() => undefined);
    }
    return { kind: 'json', httpStatus: scenario === 'failed' ? 500 : 200, body: resultOf(task, mediaUrl()) };
  }

  return {
    async authenticate(given) {
      if (given === null) throw new Refusal('no_token', 'A token is required; any token is accepted.');
      if (token !== null && given !== token) throw new Refusal('invalid_token', 'The token is unknown.');
      return null;
    },
    submit: (_caller, body, context) => submit(body, context),
    async retrieve(_caller, taskId) {
      const task = book.find(taskId);
      return task ? recordOf(task, mediaUrl()) : null;
    },
    async retrieveBatch(_caller, lookUp) {
      const found =
        lookUp.kind === 'ids'
          ? lookUp.taskIds.map((taskId) => book.find(taskId)).filter((task) => task !== undefined)
          : book
              .list()
              .filter(
                ({ createdAtMs }) =>
                  createdAtMs >= (lookUp.from?.getTime() ?? 0) && createdAtMs <= (lookUp.to?.getTime() ?? Infinity),
              )
              .slice(lookUp.offset, lookUp.offset + lookUp.limit);
      return found.map((task) => recordOf(task, mediaUrl()));
    },
  };
}
