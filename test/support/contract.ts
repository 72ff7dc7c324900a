/** The two servers of the vendor's contract, the sandbox and the gateway's REST routes, and what the contract specifies. */
import { expect } from 'vitest';
import { startSandbox } from '../../src/upstream/sandbox/server.ts';
import { startGateway } from './gateway.ts';
import { onEnd, shared } from './on-end.ts';
import { createRestClient, type RestAnswer } from './rest.ts';
import { ALLOW_LOOPBACK } from './webhook-receiver.ts';

export type Json = Record<string, unknown>;

const servers = {
  async sandbox(seconds: number) {
    const sandbox = await startSandbox({
      host: '127.0.0.1',
      port: 0,
      token: 'a-token',
      seconds,
      journalFile: null,
      maxInFlight: 100,
      log: { info: () => undefined },
    });
    onEnd(() => sandbox.stop());
    return { url: sandbox.url, apiKey: 'a-token' };
  },
  gateway: (seconds: number) =>
    startGateway({ SANDBOX_SECONDS: String(seconds), UPSTREAM_MAX_IN_FLIGHT: '5', ...ALLOW_LOOPBACK }),
};

type ServerName = keyof typeof servers;

export const serverNames = Object.keys(servers) as ServerName[];

export const uuid: unknown = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
export const number: unknown = expect.any(Number);
const text: unknown = expect.stringMatching(/./);

/** Each field of a result in the documentation, and `trace_id`, which the vendor sometimes adds. */
export const resultFields = {
  success: true,
  video_id: expect.stringMatching(/^\d{17,}$|-/) as unknown,
  video_url: expect.stringMatching(/^https?:/) as unknown,
  duration: expect.stringMatching(/^\d+\.\d+$/) as unknown,
  state: 'succeed',
  task_id: uuid,
  trace_id: uuid,
};

export const errorOf = (code: string) => ({ success: false, error: { code, message: text }, trace_id: uuid });

/** Returns the expected refusal, with the id of the task if there is a task. */
export const refused = (status: number, code: string, { body }: RestAnswer) => ({
  status,
  body: { ...errorOf(code), ...('task_id' in body && { task_id: uuid }) },
});

/** Returns what a test compares: the answer without its headers. */
export const said = ({ status, body }: RestAnswer) => ({ status, body });

/**
 * Returns a function that creates a client of the server that most tests of the block share, or of a new one if
 * `seconds` is given.
 */
export function serveContract(name: ServerName) {
  const common = shared(() => servers[name](0.05));
  return async function start(seconds?: number) {
    const server = seconds === undefined ? common() : await servers[name](seconds);
    const client = createRestClient(server);
    const untilEnd = async (id: string): Promise<Json> => {
      await expect.poll(async () => (await client.retrieve(id)).body.finished_at).toBeTypeOf('number');
      return (await client.retrieve(id)).body;
    };
    return { ...client, url: server.url, untilEnd };
  };
}
