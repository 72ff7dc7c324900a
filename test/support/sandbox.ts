/** A sandbox for a test, with a client of its API and the answers that the API specifies. */
import { expect } from 'vitest';
import { startSandbox as start, type SandboxOptions } from '../../src/upstream/sandbox/server.ts';
import { onEnd } from './on-end.ts';

export const input = {
  image_url: 'https://a.com/a.png',
  video_url: 'https://a.com/a.mp4',
  mode: 'std',
  character_orientation: 'image',
};

interface TaskRecord {
  readonly id: string;
  readonly request: { readonly prompt?: string };
  readonly response?: Record<string, unknown>;
  readonly created_at: number;
  readonly finished_at?: number;
  readonly elapsed?: number;
}

/** An answer with a body of any kind: decoded JSON, or else text. */
export interface Answer<Body = Record<string, unknown>> {
  readonly status: number;
  readonly body: Body;
}

/** Starts a sandbox, which stops when the test ends. `take` submits asynchronously and resolves with the task id. */
export async function startSandbox(options: Partial<SandboxOptions> = {}) {
  const sandbox = await start({
    host: '127.0.0.1',
    port: 0,
    token: null,
    seconds: 0.05,
    journalFile: null,
    log: { info: () => undefined },
    ...options,
  });
  onEnd(() => sandbox.stop());
  sandbox.resume();
  async function post<Body>(path: string, body: unknown, authorization = 'Bearer any'): Promise<Answer<Body>> {
    const response = await fetch(sandbox.url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(authorization && { authorization }) },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, body: (text.endsWith('}') ? JSON.parse(text) : text) as Body };
  }
  const submit = (more: object = { async: true }, authorization?: string) =>
    post<Record<string, unknown>>('/kling/motion', { ...input, ...more }, authorization);
  const take = async (more?: object) => String((await submit(more)).body.task_id);
  const retrieve = async (id: string) => (await post<TaskRecord>('/kling/tasks', { action: 'retrieve', id })).body;
  const retrieveBatch = async (asked: object) =>
    (await post<{ items: TaskRecord[]; count: number }>('/kling/tasks', { action: 'retrieve_batch', ...asked })).body;
  const untilEnd = (id: string) =>
    expect.poll(async () => (await retrieve(id)).finished_at, { interval: 5 }).toBeTypeOf('number');
  return { ...sandbox, post, submit, take, retrieve, retrieveBatch, untilEnd };
}

export const like = (pattern: RegExp): unknown => expect.stringMatching(pattern);
export const number: unknown = expect.any(Number);
export const uuid = like(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
export const envelope = (code: string) => ({ success: false, error: { code, message: like(/./) }, trace_id: uuid });
export const success = {
  success: true,
  state: 'succeed',
  duration: '5.066',
  video_id: like(/^8425\d{14}$/),
  video_url: like(/\/media\//),
  task_id: uuid,
  trace_id: uuid,
};
export const failure = { ...envelope('api_error'), task_id: uuid };
export const accepted: Answer<unknown> = { status: 200, body: { task_id: uuid } };
export const refused = (status: number, code: string): Answer<unknown> => ({ status, body: envelope(code) });
