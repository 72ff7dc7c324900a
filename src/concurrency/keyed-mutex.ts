/** Creates a mutex for each key: operations with the same key run one after another, in the order of their calls. */
import { createLimiter } from './limiter.ts';

export function createKeyedMutex(): <T>(key: string, work: () => Promise<T>) => Promise<T> {
  const mutexes = new Map<string, { readonly run: ReturnType<typeof createLimiter>; users: number }>();
  return async (key, work) => {
    const mutex = mutexes.get(key) ?? { run: createLimiter(1), users: 0 };
    mutexes.set(key, mutex);
    mutex.users += 1;
    try {
      return await mutex.run(work);
    } finally {
      mutex.users -= 1;
      if (mutex.users === 0) mutexes.delete(key);
    }
  };
}
