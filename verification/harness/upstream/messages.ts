/** The messages between the harness and the upstream process, and the records of the upstream's ledger. */
import type { FaultRates } from './plan.ts';

export interface UpstreamOptions {
  readonly seed: string;
  readonly ledgerFile: string;
  /** Names of the gateways. The path of each request of a gateway starts with its name. */
  readonly gateways: readonly string[];
  readonly rates: FaultRates;
  /** The duration of a task in seconds: minimum, maximum. */
  readonly taskSeconds: readonly [number, number];
  /**
   * Whether gateways find tasks by listing. Without listing, no gateway can know a task that was not looked up and of
   * which no callback was accepted. The callback of such a task is repeated until it is answered 200 or 404.
   */
  readonly listing: boolean;
}

export type ToUpstream =
  /** For this gateway's next submit: read all of it, accept the task, report it, and never answer. */
  | { readonly kind: 'holdNext'; readonly gateway: string }
  | { readonly kind: 'holdNone'; readonly gateway: string }
  /** Refuse connections for `ms`. */
  | { readonly kind: 'refuse'; readonly ms: number };

export type FromUpstream =
  | { readonly kind: 'listening'; readonly url: string }
  /** The submit to be held was read. */
  | { readonly kind: 'held'; readonly gateway: string; readonly jobId: string };

export type TaskOutcome = 'success' | 'failure';

export type CallbackKind = 'true' | 'early' | 'contradictory' | 'forgedMac' | 'forgedTask' | 'repeated';

export type LedgerRecord =
  /** Written when the whole submit has been read, before anything else happens. */
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
  /** A definite refusal; `again` if the same job may be submitted again. */
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
  /** A callback that was lost on the simulated network: it was not sent. */
  | { readonly kind: 'lostCallback'; readonly jobId: string; readonly taskId: string; readonly callback: CallbackKind }
  | {
      readonly kind: 'lookUp';
      readonly gateway: string;
      readonly taskIds: readonly string[];
      readonly answered: boolean;
    }
  | { readonly kind: 'listing'; readonly gateway: string; readonly found: number; readonly offset: number }
  /** A request that violates the contract. */
  | { readonly kind: 'malformed'; readonly gateway: string; readonly path: string; readonly why: string };
