/**
 * Cleanup of what a test starts, when the test ends or, for a shared resource, when its `describe` block or file ends.
 */
import { beforeAll, onTestFinished } from 'vitest';

type End = () => unknown;

/** The list in which `onEnd` registers while a shared resource starts. The tests of a worker run one after another. */
let sharedEnds: End[] | null = null;

/**
 * Runs `end` when the test ends or, for a shared resource, after the last test that shares it. Callbacks that were
 * registered later run first.
 */
export function onEnd(end: End): void {
  if (sharedEnds) sharedEnds.push(end);
  else onTestFinished(async () => void (await end()));
}

/**
 * Starts a resource before the first test of the enclosing block; all tests of the block share it. Use it only for
 * tests that differ in nothing but what they send: no test may stop the resource, change its settings, or count what
 * other tests created.
 */
export function shared<T>(start: () => Promise<T>): () => T {
  let started: { readonly value: T } | null = null;
  beforeAll(async () => {
    const ends: End[] = [];
    const endAll = async () => {
      for (const end of ends.reverse()) await end();
    };
    sharedEnds = ends;
    try {
      started = { value: await start() };
    } catch (error) {
      await endAll();
      throw error;
    } finally {
      sharedEnds = null;
    }
    return endAll;
  });
  return () => {
    if (!started) throw new Error('what is shared is there once the first test runs');
    return started.value;
  };
}
