/** The fields of a job that clients request. */
import type { Seen } from './records.ts';

export const JOB_FIELDS = 'id version state failure { final }';

export interface JobView {
  readonly id: string;
  readonly version: number;
  readonly state: Seen['state'];
  readonly failure: { readonly final: boolean } | null;
}

export const toSeen = ({ id, version, state, failure }: JobView): Seen => ({
  jobId: id,
  version,
  state,
  final: failure?.final ?? null,
});

let operations = 0;
/** Returns a number that is unique among the operations of this process. */
export const nextOperation = (): number => (operations += 1);
