/**
 * Measures the load of this instance: the delay of its event loop and the wait for a database connection. When either
 * exceeds its limit, it reports overload until both have stayed below half of their limits for a second, so that the
 * result does not flap.
 */
import { monitorEventLoopDelay, performance } from 'node:perf_hooks';

export interface LoadLimits {
  readonly maxEventLoopDelayMs: number;
  readonly maxDatabaseWaitMs: number;
}

export interface Sample {
  readonly delayMs: number;
  /**
   * Share of the time in which the loop did not wait for events. It is low when the loop is late because other
   * processes occupy the cores.
   */
  readonly utilization: number;
}

export type Overload = 'EVENT_LOOP' | 'DATABASE';

export interface Load {
  /** Returns the limit that caused the reported overload, or null if none is reported. */
  overload(): Overload | null;
  /** Returns the mean of the last second. */
  eventLoopDelayMs(): number;
  /** Returns the mean of the last second. */
  databaseWaitMs(): number;
  /** Calls `listener` with each sample, every 50 ms. */
  onSample(listener: (sample: Sample) => void): void;
  stop(): void;
}

const SAMPLE_MS = 50;
/** One second, so that a single garbage collection or a burst of handshakes does not count as overload. */
const SAMPLES = 20;
const RESOLUTION_MS = 10;
const NS_PER_MS = 1_000_000;

/** Starts measuring. `takeDatabaseWaitMs` returns the longest wait since its last call. */
export function startLoad(
  { maxEventLoopDelayMs, maxDatabaseWaitMs }: LoadLimits,
  takeDatabaseWaitMs: () => number,
): Load {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  histogram.enable();
  const delays = createWindow();
  const waits = createWindow();
  const listeners: ((sample: Sample) => void)[] = [];
  let overload: Overload | null = null;
  let calmSamples = 0;
  let sampledAt = performance.now();
  let used = performance.eventLoopUtilization();

  function judge(): void {
    const [delay, wait] = [delays.mean(), waits.mean()];
    if (delay > maxEventLoopDelayMs || wait > maxDatabaseWaitMs) {
      overload = delay > maxEventLoopDelayMs ? 'EVENT_LOOP' : 'DATABASE';
      calmSamples = 0;
    } else if (delay < maxEventLoopDelayMs / 2 && wait < maxDatabaseWaitMs / 2) {
      calmSamples += 1;
      if (calmSamples >= SAMPLES) overload = null;
    } else {
      calmSamples = 0;
    }
  }

  function sample(): void {
    const now = performance.now();
    // A count of 0 means that the loop was blocked for the whole time since the last sample.
    const delay = histogram.count > 0 ? Math.max(0, histogram.mean / NS_PER_MS - RESOLUTION_MS) : now - sampledAt;
    histogram.reset();
    sampledAt = now;
    delays.add(delay);
    waits.add(takeDatabaseWaitMs());
    judge();
    const usedNow = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(usedNow, used);
    used = usedNow;
    for (const listener of listeners) listener({ delayMs: delay, utilization });
  }

  const sampling = setInterval(sample, SAMPLE_MS).unref();
  return {
    overload: () => overload,
    eventLoopDelayMs: delays.mean,
    databaseWaitMs: waits.mean,
    onSample: (listener) => void listeners.push(listener),
    stop() {
      clearInterval(sampling);
      histogram.disable();
    },
  };
}

function createWindow() {
  const values: number[] = [];
  return {
    add(value: number): void {
      values.push(value);
      if (values.length > SAMPLES) values.shift();
    },
    /** Returns the mean. The missing values of a window that is not yet full count as zeros. */
    mean: (): number => values.reduce((sum, value) => sum + value, 0) / SAMPLES,
  };
}
