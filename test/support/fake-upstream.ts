/**
 * An upstream that does nothing by itself: the test answers submits, sends callbacks, and sets the results of look-ups.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { onEnd } from './on-end.ts';

export interface Submit {
  readonly body: Record<string, unknown> & { readonly callback_url?: string };
  answer(status: number, body: unknown): void;
  /** Resets the connection without an answer. */
  cut(): void;
}

export interface FakeUpstream {
  readonly url: string;
  /** Returns the oldest submit that is not taken yet, or waits for the next one. */
  nextSubmit(): Promise<Submit>;
  /** Returns the number of submits received so far. */
  submitCount(): number;
  /** The records that look-ups find, by task id; all other tasks are unknown. */
  readonly records: Map<string, object>;
  /** The ids of each look-up so far. */
  readonly lookUps: string[][];
  /**
   * The span and the time of each listing so far, in seconds. A listing contains all records, regardless of its span.
   */
  readonly listings: { from: number; to: number; at: number }[];
  /** Limits the pages of subsequent listings to this number of items, regardless of the requested limit. */
  limitPages(items: number): void;
  /** Sets the status of the answer to subsequent listings that start beyond the end. */
  refuseBeyondTheEnd(status: number): void;
  /** The settings of a gateway that uses this upstream. */
  readonly settings: Record<string, string>;
}

export async function startFakeUpstream(): Promise<FakeUpstream> {
  const untaken: Submit[] = [];
  const takers: ((submit: Submit) => void)[] = [];
  const records = new Map<string, object>();
  const lookUps: string[][] = [];
  const listings: FakeUpstream['listings'] = [];
  let submitCount = 0;
  let largestPage = Infinity;
  let beyondStatus = 200;

  const found = (ids: string[]): object[] => {
    lookUps.push(ids);
    return ids.map((id) => records.get(id)).filter((record) => record !== undefined);
  };
  const listed = ({ limit = 50, offset = 0, ...span }: Record<string, unknown>): object[] => {
    listings.push({ from: Number(span.created_at_min), to: Number(span.created_at_max), at: Date.now() / 1_000 });
    return [...records.values()].slice(Number(offset), Number(offset) + Math.min(Number(limit), largestPage));
  };

  const server = createServer((request, response) => {
    void readBody(request).then((body) => {
      if (request.url === '/kling/motion') {
        submitCount += 1;
        const submit: Submit = {
          body,
          answer: (status, value) => answer(response, status, value),
          cut: () => void request.socket.resetAndDestroy(),
        };
        const taker = takers.shift();
        if (taker) taker(submit);
        else untaken.push(submit);
      } else {
        const items = body.created_at_min === undefined ? found((body.ids ?? [body.id]) as string[]) : listed(body);
        const isBeyond = items.length === 0 && Number(body.offset) > 0;
        answer(response, isBeyond ? beyondStatus : 200, { items, count: items.length });
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onEnd(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    nextSubmit: () => {
      const submit = untaken.shift();
      return submit ? Promise.resolve(submit) : new Promise((resolve) => takers.push(resolve));
    },
    submitCount: () => submitCount,
    records,
    lookUps,
    listings,
    limitPages: (items) => void (largestPage = items),
    refuseBeyondTheEnd: (status) => void (beyondStatus = status),
    settings: { UPSTREAM: 'acedata', ACEDATA_BASE_URL: url, ACEDATA_API_TOKEN: 'token' },
  };
}

async function readBody(request: IncomingMessage): Promise<Submit['body']> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString()) as Submit['body'];
}

function answer(response: ServerResponse, status: number, body: unknown): void {
  response
    .writeHead(status, { 'content-type': 'application/json' })
    .end(typeof body === 'string' ? body : JSON.stringify(body));
}

/** Returns the flat result of a successful task. */
export const successOf = (
  taskId: string,
  videoUrl = 'https://cdn.example.com/result.mp4?sign=secret',
): Record<string, unknown> => ({
  success: true,
  video_id: '842578800134742051',
  video_url: videoUrl,
  duration: '5.066',
  state: 'succeed',
  task_id: taskId,
});

export const failureOf = (taskId: string, code = 'api_error', message = 'fetch failed'): Record<string, unknown> => ({
  success: false,
  error: { code, message },
  task_id: taskId,
  trace_id: '2cf86e86-22a4-46e1-ac2f-032c0f2a4e89',
});

/** Returns a task record, as a look-up reports it. */
export const recordOf = (taskId: string, callbackUrl: string | undefined, response: object = {}): object => ({
  id: taskId,
  type: 'motion',
  request: { callback_url: callbackUrl },
  response,
  created_at: 1_756_000_000.5,
  ...('state' in response || 'error' in response ? { finished_at: 1_756_000_100.5 } : {}),
});

/** Posts to a callback URL and returns the status. */
export async function callBack(url: string, body: unknown): Promise<number> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  await response.arrayBuffer();
  return response.status;
}

/**
 * Reports a success as the vendor does: its record has the result before it sends the callback. The gateway uses a
 * look-up to confirm a callback that arrives before it has recorded the answer to the submit, so a test that sends a
 * callback immediately after its answer needs the record.
 */
export async function reportSuccess({ records }: FakeUpstream, callbackUrl: string, taskId: string): Promise<number> {
  records.set(taskId, recordOf(taskId, callbackUrl, successOf(taskId)));
  return callBack(callbackUrl, successOf(taskId));
}
