/** What every part of the gateway is created with, and the stack of functions that stop the parts. */
import type { FastifyBaseLogger } from 'fastify';
import type { Config } from '../config.ts';

/** Registers a function to run at shutdown. The functions run in reverse order of registration. */
type OnStop = (stop: () => Promise<unknown>) => void;

export interface Setup {
  readonly config: Config;
  readonly log: FastifyBaseLogger;
  readonly onStop: OnStop;
}

export interface Lifecycle {
  readonly onStop: OnStop;
  /** Runs the registered functions one after another. Logs a failure and continues. Idempotent. */
  stop(): Promise<void>;
}

export function createLifecycle(log: FastifyBaseLogger): Lifecycle {
  const stops: (() => Promise<unknown>)[] = [];
  let stopped: Promise<void> | undefined;
  const stopAll = async (): Promise<void> => {
    for (const stop of stops.reverse())
      await stop().catch((error: unknown) => log.error({ err: error }, 'a component failed to stop cleanly'));
  };
  return { onStop: (stop) => void stops.push(stop), stop: () => (stopped ??= stopAll()) };
}
