/**
 * The sizes of the modes of a run. Times are scaled down: an event that takes minutes in production takes seconds here.
 */
import type { FaultRates } from '../harness/upstream/plan.ts';

export type ModeName = 'quick' | 'full' | 'long';

export interface Mode {
  readonly jobs: number;
  readonly jobsPerSecond: number;
  readonly gateways: number;
  readonly clients: number;
  readonly gatewayKills: number;
  readonly databaseKills: number;
  /**
   * The number of times that all database connections of a gateway are cut. In half of the cases, new connections are
   * refused for 0.3 to 2.5 s.
   */
  readonly connectionCuts: number;
  /** The number of times that a gateway's LISTEN connection stays open, but transfers no more data. */
  readonly silentFeeds: number;
  /** The same for all its other database connections. */
  readonly silentDatabases: number;
  /** The number of times that the upstream refuses connections for 0.5 to 2 s. */
  readonly refusals: number;
  /** The number of crashes at each kill point. */
  readonly roundsOfKillPoints: number;
  readonly deadlineSeconds: number;
}

const full: Mode = {
  jobs: 10_000,
  jobsPerSecond: 7,
  gateways: 3,
  clients: 12,
  gatewayKills: 100,
  databaseKills: 20,
  connectionCuts: 40,
  silentFeeds: 20,
  silentDatabases: 20,
  refusals: 20,
  roundsOfKillPoints: 25,
  deadlineSeconds: 40,
};

const modes: Readonly<Record<ModeName, Mode>> = {
  quick: {
    ...full,
    jobs: 300,
    jobsPerSecond: 4,
    clients: 6,
    gatewayKills: 15,
    databaseKills: 2,
    connectionCuts: 3,
    silentFeeds: 2,
    silentDatabases: 1,
    refusals: 2,
    roundsOfKillPoints: 1,
    deadlineSeconds: 30,
  },
  full,
  long: {
    ...full,
    jobs: 40_000,
    gatewayKills: 400,
    databaseKills: 80,
    connectionCuts: 160,
    silentFeeds: 80,
    silentDatabases: 80,
    refusals: 80,
    roundsOfKillPoints: 100,
  },
};

/** Returns the mode of this name. If `jobs` is given, the numbers of faults are scaled to it. */
export function modeOf(name: ModeName, jobs?: number): Mode {
  const mode = modes[name];
  if (jobs === undefined) return mode;
  const scaled = (count: number): number => Math.max(1, Math.round((count * jobs) / mode.jobs));
  return {
    ...mode,
    jobs,
    gatewayKills: scaled(mode.gatewayKills),
    databaseKills: scaled(mode.databaseKills),
    connectionCuts: scaled(mode.connectionCuts),
    silentFeeds: scaled(mode.silentFeeds),
    silentDatabases: scaled(mode.silentDatabases),
    refusals: scaled(mode.refusals),
    roundsOfKillPoints: scaled(mode.roundsOfKillPoints),
  };
}

export const SUBMIT_TIMEOUT_SECONDS = 2;

export const settingsOf = ({ deadlineSeconds }: Mode): Readonly<Record<string, string>> => ({
  SUBMIT_TIMEOUT_SECONDS: String(SUBMIT_TIMEOUT_SECONDS),
  POLL_FIRST_SECONDS: '2',
  POLL_INTERVAL_SECONDS: '1',
  JOB_DEADLINE_SECONDS: String(deadlineSeconds),
  UNCONFIRMED_SLOT_SECONDS: '20',
  UPSTREAM_MAX_IN_FLIGHT: '300',
  UPSTREAM_SUBMITS_PER_SECOND: '200',
  PLAYGROUND: 'off',
  EGRESS_ALLOW: '127.0.0.1',
  EGRESS_TIMEOUT_SECONDS: '2',
  // More attempts than a receiver fails, including those that a killed gateway leaves unfinished.
  WEBHOOK_RETRY_SECONDS: '1,1,1,2,2,2,3,3,3,4,4,4,5,5,5',
});

export const rates: FaultRates = {
  submits: {
    none: 76,
    slow: 3,
    reset: 2,
    close: 2,
    hang: 2,
    half: 2,
    html: 3,
    errorEnvelope: 3,
    busy: 2,
    rejected: 2,
    finished: 3,
  },
  early: 0.05,
  lost: 0.03,
  contradictory: 0.02,
  forged: 0.02,
  lookUps: 0.02,
};

export const TASK_SECONDS: readonly [number, number] = [0.3, 2.5];
