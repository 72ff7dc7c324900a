/**
 * Logs refused hosts and origins, for an operator who may have forgotten a setting: at most one line a minute for each
 * setting.
 */
import type { Log } from '../log.ts';

type RefusingSetting = 'ALLOWED_HOSTS' | 'CORS_ORIGINS';

export type LogRefusal = (setting: RefusingSetting, value: string) => void;

const INTERVAL_MS = 60_000;
const MAX_VALUE_LENGTH = 200;

const messages: Readonly<Record<RefusingSetting, string>> = {
  ALLOWED_HOSTS:
    'a request to a host name that is not allowed was refused; if the name is yours, add it to ALLOWED_HOSTS',
  CORS_ORIGINS:
    'a request from a browser origin that is not allowed was refused; if the origin is yours, add it to CORS_ORIGINS',
};

/** Creates the log function. `nowMs` is a monotonic clock. */
export function createRefusalLog(log: Log, nowMs: () => number = () => performance.now()): LogRefusal {
  const since = new Map<RefusingSetting, { at: number; refused: number }>();
  return (setting, value) => {
    const last = since.get(setting);
    if (last && nowMs() - last.at < INTERVAL_MS) {
      last.refused += 1;
      return;
    }
    since.set(setting, { at: nowMs(), refused: 0 });
    log.info({ setting, value: shorten(value), refusedSinceLastLine: last?.refused ?? 0 }, messages[setting]);
  };
}

/** Truncates untrusted input to a length that is worth repeating. */
export const shorten = (value: string): string =>
  value.length > MAX_VALUE_LENGTH ? `${value.slice(0, MAX_VALUE_LENGTH).toWellFormed()}...` : value;
