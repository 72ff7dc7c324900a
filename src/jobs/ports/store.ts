/** The store that the core requires. `src/db/` implements it for PostgreSQL. */
import type { GateStore } from './admission-gate.ts';
import type { ChangeReader } from './changes.ts';
import type { Timeline } from './job-events.ts';
import type { JobReader } from './job-reader.ts';
import type { JobWriter } from './job-writer.ts';
import type { Inbox } from './inbox.ts';
import type { SpentKeys } from './deleted-job-keys.ts';
import type { WorkQueue } from './work-queue.ts';
import type { History } from './history.ts';

export type JobStore = JobReader &
  JobWriter &
  Timeline &
  SpentKeys &
  Inbox &
  GateStore &
  WorkQueue &
  History &
  ChangeReader;
