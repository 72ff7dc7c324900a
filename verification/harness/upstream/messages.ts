/** What the stage and the upstream process say to each other, and what the upstream writes into its ledger. */
import type { FaultRates } from './plan.ts';

export interface UpstreamOptions {
  readonly seed: string;
  readonly ledgerFile: string;
  /** Names of gateways, which are the first part of the path that each of them calls. */
  readonly gateways: readonly string[];
  readonly rates: FaultRates;
  /** How long a task takes, seconds: from, to. */
  readonly taskSeconds: readonly [number, number];
  /**
   * Whether gateways find tasks by listing. Without it, a task that nobody has asked for, and about which no callback
   * was heard, can be known to nobody: its callback is repeated until it is answered 200.
   */
  readonly listing: boolean;
}

export type ToUpstream =
  /** Of this gateway's next submit: read it whole, take the task, tell, and never answer. */
  | { readonly kind: 'holdNext'; readonly gateway: string }
  | { readonly kind: 'holdNone'; readonly gateway: string }
  /** Refuse connections for so long. */
  | { readonly kind: 'refuse'; readonly ms: number };

export type FromUpstream =
  | { readonly kind: 'listening'; readonly url: string }
  /** A submit that was ordered to be held was read. */
  | { readonly kind: 'held'; readonly gateway: string; readonly jobId: string };

export type TaskOutcome = 'success' | 'failure';

export type CallbackKind = 'true' | 'early' | 'contradictory' | 'forgedMac' | 'forgedTask' | 'repeated';

export type LedgerRecord =
  /** Written when the whole submit was read, before anything else happens. */
  | {
      readonly kind: 'received';
      readonly gateway: string;
      readonly jobId: string;
      readonly attempt: number;
      readonly fault: string;
    }
  | {
      readonly kind: 'taken';
      readonly jobId: string;
      readonly attempt: number;
      readonly taskId: string;
      readonly outcome: TaskOutcome;
      readonly videoUrl: string;
      readonly endsAt: number;
    }
  /** A sure no; `again` when the same job may be sent again. */
  | {
      readonly kind: 'refused';
      readonly jobId: string;
      readonly attempt: number;
      readonly httpStatus: number;
      readonly again: boolean;
    }
  | {
      readonly kind: 'callback';
      readonly jobId: string;
      readonly taskId: string;
      readonly callback: CallbackKind;
      readonly claimedTaskId: string;
      readonly sentAt: number;
      readonly status: number | null;
    }
  /** A callback that the network lost. */
  | { readonly kind: 'lostCallback'; readonly jobId: string; readonly taskId: string; readonly callback: CallbackKind }
  | {
      readonly kind: 'lookUp';
      readonly gateway: string;
      readonly taskIds: readonly string[];
      readonly answered: boolean;
    }
  | { readonly kind: 'listing'; readonly gateway: string; readonly found: number; readonly offset: number }
  /** A request that breaks the contract. */
  | { readonly kind: 'malformed'; readonly gateway: string; readonly path: string; readonly why: string };
