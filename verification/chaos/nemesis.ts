/** Injects faults according to a plan drawn from the seed, in two concurrent lanes: storms and ordered crashes. */
import { setTimeout } from 'node:timers/promises';
import type { GatewayProcess } from '../harness/gateway-process.ts';
import { readJournal } from '../harness/journal.ts';
import type { Random } from '../harness/random.ts';
import type { Harness } from '../harness/harness.ts';
import type { Mode } from './modes.ts';

const killPoints = ['K1', 'K2', 'K3', 'K4', 'K5', 'K6', 'K7', 'K8', 'K9', 'K10', 'K11', 'K12'] as const;
type KillPoint = (typeof killPoints)[number];

type Storm = 'gatewayKills' | 'databaseKills' | 'connectionCuts' | 'silentFeeds' | 'silentDatabases' | 'refusals';

export interface Injected extends Pick<Mode, Storm> {
  readonly killPoints: Readonly<Record<KillPoint, number>>;
  /**
   * The longest time from a kill of the database to its first answer, and from the start of a gateway to its readiness.
   */
  readonly slowestDatabaseMs: number;
  readonly slowestGatewayMs: number;
}

export interface Nemesis {
  /**
   * Executes the whole plan. Rejects if a fault cannot be injected, if the database does not recover, or if `signal`
   * aborts before the end.
   */
  run(signal: AbortSignal): Promise<void>;
  injected(): Injected;
  /**
   * Problems other than violated promises, such as a kill point that was never reached or a process that ended by
   * itself.
   */
  failures(): readonly string[];
}

const storms: readonly Storm[] = [
  'gatewayKills',
  'databaseKills',
  'connectionCuts',
  'silentFeeds',
  'silentDatabases',
  'refusals',
];

const FIRE_LIMIT_MS = 12_000;
const TRIES = 5;
const DATABASE_LIMIT_MS = 45_000;
const TARGET_RETRY_MS = 50;
const RESTART_PAUSE_MS = 1_000;
/** Allows for a crash that occurs while its order is being withdrawn. */
const TAKE_BACK_MS = 300;
const isFeed = (opening: string): boolean => opening.includes('motion-gateway feed');

export function createNemesis(harness: Harness, mode: Mode, random: Random, log: (message: string) => void): Nemesis {
  const counts: Record<Storm, number> = {
    gatewayKills: 0,
    databaseKills: 0,
    connectionCuts: 0,
    silentFeeds: 0,
    silentDatabases: 0,
    refusals: 0,
  };
  const fired = Object.fromEntries(killPoints.map((point) => [point, 0])) as Record<KillPoint, number>;
  const failures: string[] = [];
  let slowestDatabaseMs = 0;
  let slowestGatewayMs = 0;
  /** Gateways that a lane is using or that are being restarted. */
  const busy = new Set<GatewayProcess>();
  const restarts = new Set<Promise<void>>();
  let stopping = false;

  const wasAtPoint = (pid: number | null | undefined, point?: KillPoint): boolean =>
    readJournal<{ pid: number; point: string }>(harness.killFile).some(
      (line) => line.pid === pid && (point === undefined || line.point === point),
    );

  for (const gateway of harness.gateways) {
    gateway.onOwnEnd(({ code, signal, pid }) => {
      // The order was withdrawn, but a busy process executed it before it received the withdrawal.
      if (signal === 'SIGKILL' && wasAtPoint(pid))
        log(`${gateway.name} was killed by an order that had been withdrawn`);
      else failures.push(`${gateway.name} ended by itself: code ${code}, signal ${signal}`);
      if (!busy.has(gateway)) restart(gateway);
    });
  }
  harness.upstream.onMessage((message) => {
    if (message.kind !== 'held') return;
    const gateway = harness.gateways.find(({ name }) => name === message.gateway);
    void gateway?.kill();
  });

  /** Waits for a gateway that is up and not busy, while another one is also up, and marks it as busy. */
  async function takeTarget(signal: AbortSignal): Promise<GatewayProcess> {
    for (;;) {
      signal.throwIfAborted();
      const up = harness.gateways.filter((gateway) => gateway.isUp());
      const free = up.filter((gateway) => !busy.has(gateway));
      if (up.length > 1 && free.length > 0) {
        const target = random.pick(free);
        busy.add(target);
        return target;
      }
      await setTimeout(TARGET_RETRY_MS);
    }
  }

  const startOnce = (gateway: GatewayProcess): Promise<boolean> =>
    gateway.start().then(
      () => true,
      (error: unknown) => {
        log(`${gateway.name} did not start and is started again: ${String(error)}`);
        return false;
      },
    );

  /** Restarts the gateway in the background, after a pause. */
  function restart(gateway: GatewayProcess): void {
    busy.add(gateway);
    const restarting = (async () => {
      await setTimeout(random.between(100, 1_000));
      const from = Date.now();
      // The start of a slow gateway is repeated without a limit. Only a gateway that is down at the end has failed.
      while (!stopping && !(await startOnce(gateway))) await setTimeout(RESTART_PAUSE_MS);
      slowestGatewayMs = Math.max(slowestGatewayMs, Date.now() - from);
    })()
      .catch((error: unknown) => void failures.push(String(error)))
      .finally(() => {
        busy.delete(gateway);
        restarts.delete(restarting);
      });
    restarts.add(restarting);
  }

  const acts: Readonly<Record<Storm, (signal: AbortSignal) => Promise<void>>> = {
    async gatewayKills(signal) {
      const gateway = await takeTarget(signal);
      await gateway.kill();
      restart(gateway);
    },
    async databaseKills() {
      const from = Date.now();
      await harness.database.kill();
      await setTimeout(50);
      await harness.database.untilUp(DATABASE_LIMIT_MS);
      slowestDatabaseMs = Math.max(slowestDatabaseMs, Date.now() - from);
    },
    async connectionCuts() {
      const proxy = random.pick(harness.databaseProxies);
      if (random.chance(0.5)) return void proxy.breakOpen();
      await proxy.cut();
      await setTimeout(random.between(300, 2_500));
      await proxy.restore();
    },
    async silentFeeds() {
      // A feed that is not connected at the moment cannot be silenced.
      for (let left = 100; left > 0; left -= 1) {
        if (random.pick(harness.databaseProxies).silenceOpen(isFeed) > 0) return;
        await setTimeout(TARGET_RETRY_MS);
      }
      throw new Error('no gateway listens');
    },
    async silentDatabases() {
      random.pick(harness.databaseProxies).silenceOpen((opening) => !isFeed(opening));
    },
    async refusals() {
      const ms = Math.round(random.between(500, 2_000));
      harness.upstream.send({ kind: 'refuse', ms });
      await setTimeout(ms);
    },
  };

  async function stormLane(signal: AbortSignal): Promise<void> {
    const plan = random.shuffled(storms.flatMap((storm) => Array<Storm>(mode[storm]).fill(storm)));
    const from = Date.now();
    const durationMs = (1_000 * mode.jobs) / mode.jobsPerSecond;
    for (const [index, storm] of plan.entries()) {
      const dueAt = from + ((index + random.next()) / plan.length) * durationMs;
      await setTimeout(Math.max(0, dueAt - Date.now()), undefined, { signal });
      await acts[storm](signal);
      counts[storm] += 1;
    }
  }

  /** Returns whether the process died at the point: by SIGKILL, after it had recorded that it reached the point. */
  async function crashAt(point: KillPoint, signal: AbortSignal): Promise<boolean> {
    const gateway = await takeTarget(signal);
    const pid = gateway.pid();
    const ended = gateway.untilEnd();
    if (point === 'K4') harness.upstream.send({ kind: 'holdNext', gateway: gateway.name });
    else gateway.order(point);
    const limit = new AbortController();
    const wait = (ms: number) =>
      Promise.race([ended, setTimeout(ms, null, { signal: limit.signal }).catch(() => null)]);
    let end = await wait(FIRE_LIMIT_MS);
    if (!end) {
      if (point === 'K4') harness.upstream.send({ kind: 'holdNone', gateway: gateway.name });
      else gateway.order(null);
      end = await wait(TAKE_BACK_MS);
    }
    limit.abort();
    if (!end) {
      busy.delete(gateway);
      return false;
    }
    restart(gateway);
    // The upstream reports K4, and this process kills the gateway.
    const wasThere = point === 'K4' || wasAtPoint(pid, point);
    if (end.signal !== 'SIGKILL')
      failures.push(
        `${gateway.name} should have been killed at ${point}, but ended with code ${end.code}, signal ${end.signal}`,
      );
    return end.signal === 'SIGKILL' && wasThere;
  }

  async function sweepLane(signal: AbortSignal): Promise<void> {
    for (let round = 0; round < mode.roundsOfKillPoints; round += 1) {
      for (const point of random.shuffled(killPoints)) {
        let tries = 0;
        while (tries < TRIES && !(await crashAt(point, signal))) tries += 1;
        if (tries === TRIES)
          failures.push(`${point} was not reached in ${TRIES} attempts of ${FIRE_LIMIT_MS / 1_000} s`);
        else fired[point] += 1;
        if (tries > 0) log(`${point}: ${tries} failed attempts`);
      }
    }
  }

  return {
    async run(signal) {
      signal.addEventListener('abort', () => (stopping = true), { once: true });
      await Promise.all([stormLane(signal), sweepLane(signal)]);
      while (restarts.size > 0) await Promise.all(restarts);
      await harness.database.untilUp(DATABASE_LIMIT_MS);
    },
    injected: () => ({ ...counts, killPoints: { ...fired }, slowestDatabaseMs, slowestGatewayMs }),
    failures: () => failures,
  };
}
