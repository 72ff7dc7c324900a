/**
 * Reads of the same thing at the same time are one read. Who asks while one is under way shares the next, which begins
 * after he has asked: nobody is answered with what was read before his question. When the one under way fails, so do
 * they: they would wait for as long once more.
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
