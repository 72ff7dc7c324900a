/** A gateway in a separate process, as a user starts it: the built program, its output, and its exit code. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { onEnd } from './on-end.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export interface GatewayProcess {
  readonly child: ChildProcess;
  /** Returns all output so far. */
  output(): string;
  /** Resolves with the exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
  /** Waits for the banner; resolves with the URL and the API key in it. */
  untilReady(): Promise<{ url: string; apiKey: string }>;
}

/**
 * Starts a gateway with these variables and, from this process's environment, only `PATH`. It is killed when the test
 * ends.
 */
export function startProcess(
  env: Record<string, string>,
  { main = MAIN, ...options }: { uid?: number; gid?: number; cwd?: string; main?: string } = {},
): GatewayProcess {
  const child = spawn(process.execPath, [main], {
    env: {
      PATH: process.env.PATH,
      ENV_FILE: 'off',
      PORT: '0',
      SANDBOX_PORT: '0',
      SANDBOX_SECONDS: '0.5',
      WARM_UP_SECONDS: '0',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...options,
  });
  let output = '';
  child.stdout.on('data', (chunk) => (output += String(chunk)));
  child.stderr.on('data', (chunk) => (output += String(chunk)));
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as number | string);
  onEnd(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return {
    child,
    output: () => output,
    ended,
    async untilReady() {
      await expect
        .poll(() => output, { timeout: 40_000, interval: 20 })
        .toMatch(/Motion gateway {3}http[^]*API key {10}\S+|Motion gateway {3}http[^]*Upstream/);
      return { url: /Motion gateway {3}(\S+)/.exec(output)![1]!, apiKey: /API key {10}(\S+)/.exec(output)?.[1] ?? '' };
    },
  };
}
