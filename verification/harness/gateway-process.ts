/**
 * Runs one gateway, the built program, in its own process, at an address that stays the same across kills and restarts.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const KILL_POINTS = fileURLToPath(new URL('./kill-points.mjs', import.meta.url));

export interface GatewayOptions {
  readonly name: string;
  /** The folder of the built program. */
  readonly dist: string;
  readonly port: number;
  /** The environment of the gateway. PATH, PORT, ENV_FILE and KILL_POINT_FILE are added to it. */
  readonly settings: Readonly<Record<string, string>>;
  readonly logFile: string;
  /**
   * The file in which ordered crashes are recorded just before they happen; null for a gateway that accepts no orders.
   */
  readonly killFile: string | null;
}

interface GatewayEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The process that ended. */
  readonly pid: number | null;
}

export interface GatewayProcess {
  readonly name: string;
  readonly url: string;
  readonly port: number;
  /** Whether the gateway was ready and has not ended since. */
  isUp(): boolean;
  /** The pid of the current process; undefined if there is none. */
  pid(): number | undefined;
  /**
   * Starts the gateway and resolves when it is ready. A start that fails, for example because the database is down, is
   * repeated for up to `limitMs`.
   */
  start(limitMs?: number): Promise<void>;
  /** Sends SIGKILL. Resolves when the process has ended. */
  kill(): Promise<void>;
  /** Sends SIGTERM. Resolves with the end of the process, or with null if there was no process. */
  stop(): Promise<GatewayEnd | null>;
  /** Orders a crash at a kill point; null withdraws the order. */
  order(point: string | null): void;
  /** Resolves when the current process ends, for whatever reason. */
  untilEnd(): Promise<GatewayEnd>;
  /** Calls `listener` when the gateway ends after it was ready, unless its end was requested here. */
  onOwnEnd(listener: (end: GatewayEnd) => void): void;
}

/** Long enough for a busy machine and for a database in recovery. */
const START_LIMIT_MS = 60_000;
const START_RETRY_MS = 300;
const READY_CHECK_MS = 50;
const READY_TIMEOUT_MS = 2_000;

export function createGatewayProcess({
  name,
  dist,
  port,
  settings,
  logFile,
  killFile,
}: GatewayOptions): GatewayProcess {
  const url = `http://127.0.0.1:${port}`;
  const listeners: ((end: GatewayEnd) => void)[] = [];
  let child: ChildProcess | undefined;
  let ended: Promise<GatewayEnd> = Promise.resolve({ code: 0, signal: null, pid: null });
  let up = false;
  let asked = false;

  function spawnOnce(): void {
    const log = openSync(logFile, 'a');
    asked = false;
    const started = spawn(
      process.execPath,
      [...(killFile === null ? [] : ['--import', KILL_POINTS]), join(dist, 'main.js')],
      {
        env: {
          PATH: process.env.PATH,
          ENV_FILE: 'off',
          ...settings,
          PORT: String(port),
          ...(killFile !== null && { KILL_POINT_FILE: killFile }),
        },
        stdio: ['ignore', log, log, 'ipc'],
      },
    );
    closeSync(log);
    started.on('error', () => undefined);
    child = started;
    ended = once(started, 'exit').then(([code, signal]) => {
      const end = { code: code as number | null, signal: signal as NodeJS.Signals | null, pid: started.pid ?? null };
      if (child === started) child = undefined;
      if (up && !asked) for (const listener of listeners) listener(end);
      up = false;
      return end;
    });
  }

  async function isReady(): Promise<boolean> {
    const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(READY_TIMEOUT_MS) }).catch(() => null);
    await response?.text().catch(() => '');
    return response?.status === 200;
  }

  return {
    name,
    url,
    port,
    isUp: () => up,
    pid: () => child?.pid,
    async start(limitMs = START_LIMIT_MS) {
      for (const until = Date.now() + limitMs; ; await setTimeout(child ? READY_CHECK_MS : START_RETRY_MS)) {
        if (!child) spawnOnce();
        if (await isReady()) break;
        if (Date.now() > until)
          throw new Error(`${name} was not ready within ${limitMs / 1_000} s; its log is ${logFile}`);
      }
      up = child !== undefined;
    },
    async kill() {
      asked = true;
      up = false;
      child?.kill('SIGKILL');
      await ended;
    },
    async stop() {
      if (!child) return null;
      asked = true;
      up = false;
      child.kill('SIGTERM');
      return ended;
    },
    order(point) {
      asked = point !== null;
      if (child?.connected) child.send({ order: point }, () => undefined);
    },
    untilEnd: () => ended,
    onOwnEnd: (listener) => void listeners.push(listener),
  };
}
