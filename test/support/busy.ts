/** Helpers that keep the event loop or the machine busy. */
import { spawn } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { onEnd } from './on-end.ts';

/**
 * Keeps the event loop of this process, which the gateway under test shares, late by `spinMs` until the returned
 * function is called.
 */
export function keepLoopBusy(spinMs: number): () => void {
  const spinning = setInterval(() => {
    for (const until = performance.now() + spinMs; performance.now() < until;);
  }, 1);
  const end = (): void => clearInterval(spinning);
  onEnd(end);
  return end;
}

/** Runs one process per core that computes without a pause, until the test ends. */
export function keepMachineBusy(): void {
  for (let core = 0; core < availableParallelism(); core += 1) {
    const burner = spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' });
    onEnd(() => void burner.kill('SIGKILL'));
  }
}
