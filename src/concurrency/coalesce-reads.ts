/**
 * Coalesces concurrent reads of a key. A caller that arrives during a read waits for the next one, so it never sees a
 * value older than its request. All callers that wait share that read. If the read in progress fails, they fail with
 * it, because they would otherwise wait as long once more.
 */
interface Reading<T> {
  readonly running: Promise<T>;
  next: Promise<T> | null;
}

export function shareReads<T>(read: (key: string) => Promise<T>): (key: string) => Promise<T> {
  const readings = new Map<string, Reading<T>>();

  function begin(key: string): Promise<T> {
    const running = read(key);
    const reading: Reading<T> = { running, next: null };
    readings.set(key, reading);
    running.then(
      () => void (reading.next ?? readings.delete(key)),
      () => void readings.delete(key),
    );
    return running;
  }

  return (key) => {
    const reading = readings.get(key);
    if (!reading) return begin(key);
    return (reading.next ??= reading.running.then(() => begin(key)));
  };
}
