/** Starts the simulated upstream, with its ledger, in its own process: `verification/harness/upstream/process.ts`. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { FromUpstream, ToUpstream, UpstreamOptions } from './upstream/messages.ts';
import { programOf } from './program.ts';

export interface UpstreamProcess {
  /** Returns the base URL for one gateway, by which the upstream identifies it. */
  urlFor(gateway: string): string;
  send(order: ToUpstream): void;
  onMessage(listener: (message: FromUpstream) => void): void;
  stop(): Promise<void>;
}

export async function startUpstreamProcess(options: UpstreamOptions): Promise<UpstreamProcess> {
  const child = fork(await programOf('verification/harness/upstream/process.ts'), [JSON.stringify(options)], {
    execArgv: [],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const ended = once(child, 'exit');
  const [message] = (await Promise.race([once(child, 'message'), ended])) as [FromUpstream | number];
  if (typeof message !== 'object' || message?.kind !== 'listening') throw new Error('the upstream did not start');
  return {
    urlFor: (gateway) => `${message.url}/${gateway}`,
    send: (order) => void child.send(order, () => undefined),
    onMessage: (listener) => void child.on('message', listener),
    async stop() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
