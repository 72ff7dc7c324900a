/** The end of what a test starts: with the test, or with the `describe` block (or the file) that shares it. */
import { beforeAll, onTestFinished } from 'vitest';

type End = () => unknown;

/** Where `onEnd` registers while something shared starts. The tests of a worker run one after another. */
let sharedEnds: End[] | null = null;

/** Runs `end` when the test ends, or, of something shared, after the last test that shares it. Later ones run first. */
export function onEnd(end: End): void {
  if (sharedEnds) sharedEnds.push(end);
  else onTestFinished(async () => void (await end()));
}

/**
 * Starts something before the first test of the block that this is called in; all tests of the block get the same. It
 * is for tests that only differ in what they send: none may stop it, change its settings or count what the others made.
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
