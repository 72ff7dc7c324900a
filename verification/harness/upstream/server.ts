/**
 * The HTTP server of the simulated upstream: submits with faults at the level of connections, and look-ups that return
 * the true outcome.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { encodeError } from '../../../src/upstream/acedata/wire/envelopes.ts';
import { readJson, type JsonObject } from '../../../src/upstream/acedata/wire/json.ts';
import { encodeTaskList, parseLookUp } from '../../../src/upstream/acedata/wire/look-up.ts';
import { encodeAccepted } from '../../../src/upstream/acedata/wire/submit-answer.ts';
import { parseSubmitBody } from '../../../src/upstream/acedata/wire/submit-body.ts';
import { encodeTaskRecord } from '../../../src/upstream/acedata/wire/task-record.ts';
import { findFreePort } from '../free-port.ts';
import { openJournal } from '../journal.ts';
import { createRandom } from '../random.ts';
import { createCaller } from './callbacks.ts';
import type { FromUpstream, LedgerRecord, UpstreamOptions } from './messages.ts';
import { planSubmit, type SubmitPlan } from './plan.ts';
import { recordOf, resultOf, videoOf, type Task } from './task.ts';

export interface UpstreamServer {
  /** Starts the server. Resolves with its base URL. */
  listen(): Promise<string>;
  /** Sets whether this gateway's next submit is held. */
  hold(gateway: string, next: boolean): void;
  refuse(ms: number): Promise<void>;
}

interface Submit {
  readonly gateway: string;
  readonly jobId: string;
  readonly attempt: number;
  readonly body: NonNullable<Extract<ReturnType<typeof parseSubmitBody>, { ok: true }>['body']>;
}

const HTML = '<html><body><h1>Bad Gateway</h1></body></html>';

export function createUpstreamServer(
  { seed, ledgerFile, rates, taskSeconds, listing }: UpstreamOptions,
  say: (message: FromUpstream) => void,
): UpstreamServer {
  const ledger = openJournal<LedgerRecord>(ledgerFile);
  const tasks = new Map<string, Task>();
  /** In the order in which they were accepted. */
  const taken: Task[] = [];
  const held = new Set<string>();
  const caller = createCaller(ledger, () => taken, listing);
  const lookUpRandom = createRandom(`${seed}:look-ups`);

  function take({ jobId, attempt, body }: Submit, plan: SubmitPlan): Task {
    const now = Date.now();
    const task: Task = {
      taskId: randomUUID(),
      traceId: randomUUID(),
      jobId,
      request: body,
      callbackUrl: body.callback_url ?? '',
      outcome: plan.outcome,
      createdAt: now,
      endsAt: now + Math.round(plan.taskMs),
      heard: false,
      asked: false,
      refused: false,
    };
    ledger.append({
      kind: 'taken',
      jobId,
      attempt,
      taskId: task.taskId,
      outcome: task.outcome,
      videoUrl: videoOf(task).videoUrl,
      endsAt: task.endsAt,
    });
    tasks.set(task.taskId, task);
    taken.push(task);
    return task;
  }

  async function submit(gateway: string, text: string, response: ServerResponse): Promise<void> {
    const parsed = parseSubmitBody(readJson(text));
    const [, jobId, attempt] =
      /\/callbacks\/([0-9a-f-]{36})\/(\d+)\./.exec((parsed.ok && parsed.body.callback_url) || '') ?? [];
    if (!parsed.ok || jobId === undefined) {
      ledger.append({
        kind: 'malformed',
        gateway,
        path: 'motion',
        why: parsed.ok ? 'no callback URL' : parsed.violations.join('; '),
      });
      return send(response, 400, encodeError('bad_request', 'The request breaks the contract.', randomUUID()));
    }
    const known: Submit = { gateway, jobId, attempt: Number(attempt), body: parsed.body };
    const plan = planSubmit(seed, parsed.body.prompt ?? jobId, known.attempt, rates, taskSeconds);
    const hold = held.delete(gateway);
    ledger.append({ kind: 'received', gateway, jobId, attempt: known.attempt, fault: hold ? 'held' : plan.fault });
    if (!plan.taken && !hold) return answer(known, plan, null, response);

    const task = take(known, plan);
    if (hold) {
      caller.schedule(task, plan.callbacks);
      return say({ kind: 'held', gateway, jobId });
    }
    if (plan.early) await caller.callEarly(task);
    caller.schedule(task, plan.callbacks);
    return answer(known, plan, task, response);
  }

  async function answer(
    { jobId, attempt }: Submit,
    plan: SubmitPlan,
    task: Task | null,
    response: ServerResponse,
  ): Promise<void> {
    const { socket } = response;
    const accepted = encodeAccepted(task?.taskId ?? randomUUID());
    const refuse = (httpStatus: number, code: string, again: boolean): void => {
      ledger.append({ kind: 'refused', jobId, attempt, httpStatus, again });
      send(response, httpStatus, encodeError(code, 'Refused.', randomUUID()));
    };
    switch (plan.fault) {
      case 'none':
        return send(response, 200, accepted);
      case 'slow':
        await setTimeout(plan.answerAfterMs);
        return send(response, 200, accepted);
      case 'reset':
        return void socket?.resetAndDestroy();
      case 'close':
        return void socket?.destroySoon();
      case 'hang':
        return;
      case 'half': {
        const text = JSON.stringify(accepted);
        response
          .writeHead(200, { 'content-type': 'application/json', 'content-length': text.length })
          .write(text.slice(0, text.length / 2));
        return void socket?.destroySoon();
      }
      case 'html':
        return void response.writeHead(plan.htmlStatus, { 'content-type': 'text/html' }).end(HTML);
      case 'errorEnvelope':
        return send(response, 500, encodeError('api_error', 'fetch failed', randomUUID()));
      case 'busy':
        return refuse(429, 'too_many_requests', true);
      case 'rejected':
        return plan.outcome === 'success' ? refuse(403, 'forbidden', false) : refuse(400, 'bad_request', false);
      case 'finished':
        return send(response, 200, task ? resultOf(task) : accepted);
    }
  }

  function lookUp(gateway: string, text: string, response: ServerResponse): void {
    const parsed = parseLookUp(readJson(text));
    if (!parsed.ok) {
      ledger.append({ kind: 'malformed', gateway, path: 'tasks', why: parsed.violations.join('; ') });
      return send(response, 400, encodeError('bad_request', parsed.violations.join('; '), randomUUID()));
    }
    const { lookUp: asked } = parsed;
    const answered = !lookUpRandom.chance(rates.lookUps);
    if (asked.kind !== 'window')
      ledger.append({
        kind: 'lookUp',
        gateway,
        taskIds: asked.kind === 'one' ? [asked.taskId] : asked.taskIds,
        answered,
      });
    if (!answered) return void response.writeHead(503, { 'content-type': 'text/html' }).end(HTML);

    if (asked.kind === 'window') {
      const [from, to] = [asked.from?.getTime() ?? 0, asked.to?.getTime() ?? Infinity];
      const found = taken
        .filter(({ createdAt }) => createdAt >= from && createdAt <= to)
        .reverse()
        .slice(asked.offset, asked.offset + asked.limit);
      ledger.append({ kind: 'listing', gateway, found: found.length, offset: asked.offset });
      return send(response, 200, encodeTaskList(found.map(recordOf)));
    }
    const found = (asked.kind === 'one' ? [asked.taskId] : asked.taskIds)
      .map((taskId) => tasks.get(taskId))
      .filter((task) => task !== undefined);
    for (const task of found) if (task.endsAt <= Date.now()) task.asked = true;
    if (asked.kind === 'ids') return send(response, 200, encodeTaskList(found.map(recordOf)));
    return found[0]
      ? send(response, 200, encodeTaskRecord(recordOf(found[0])))
      : send(response, 404, encodeError('not_found', 'There is no such task.', randomUUID()));
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const text = Buffer.concat(chunks).toString('utf8');
    const [, gateway = '', path] = /^\/(\w+)\/kling\/(motion|tasks)$/.exec(request.url ?? '') ?? [];
    if (path === 'motion') return submit(gateway, text, response);
    if (path === 'tasks') return lookUp(gateway, text, response);
    send(response, 404, encodeError('no_api', 'There is no such API.', randomUUID()));
  }

  // A request that is cut off in the middle does not count as received.
  const server = createServer((request, response) => void serve(request, response).catch(() => response.destroy()));
  let port = 0;
  const listen = async (): Promise<void> => {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
  };
  return {
    async listen() {
      port = await findFreePort();
      await listen();
      return `http://127.0.0.1:${port}`;
    },
    hold: (gateway, next) => void (next ? held.add(gateway) : held.delete(gateway)),
    async refuse(ms) {
      if (!server.listening) return;
      server.close();
      await setTimeout(ms);
      await listen();
    },
  };
}

function send(response: ServerResponse, httpStatus: number, body: JsonObject): void {
  response.writeHead(httpStatus, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
