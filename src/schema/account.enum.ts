/** The enums of accounts. */
import { accountStatuses, type AccountStatus as Status, type Scope as AccountScope } from '../accounts/account.ts';
import { usageGroups, type UsageBy as Groups } from '../accounts/ports.ts';
import { describedEnum } from './described-enum.ts';

export const AccountStatus = describedEnum<Status>(
  'AccountStatus',
  'Whether an account may be used.',
  accountStatuses,
  {
    ACTIVE: 'It may be used.',
    PENDING: 'It waits for an administrator: it may look around, and no job is accepted.',
    DISABLED: 'Its keys and tokens open nothing. Its jobs go on to their ends.',
  },
);

const scopeNames = ['JOBS_READ', 'JOBS_WRITE', 'ACCOUNT_ADMIN'] as const;
export type ScopeName = (typeof scopeNames)[number];

/** GraphQL has no colons in names. */
const scopesByName: Readonly<Record<ScopeName, AccountScope>> = {
  JOBS_READ: 'jobs:read',
  JOBS_WRITE: 'jobs:write',
  ACCOUNT_ADMIN: 'account:admin',
};

export const toScopes = (names: readonly ScopeName[]): AccountScope[] => names.map((name) => scopesByName[name]);
export const toScopeNames = (scopes: readonly AccountScope[]): ScopeName[] =>
  scopeNames.filter((name) => scopes.includes(scopesByName[name]));

export const Scope = describedEnum<ScopeName>(
  'Scope',
  'What a key or a client token may do for its account.',
  scopeNames,
  {
    JOBS_READ: '`jobs:read`: read and watch jobs, and see the quota.',
    JOBS_WRITE:
      '`jobs:write`: have jobs generated, canceled and deleted, and see the jobs that these mutations answer.',
    ACCOUNT_ADMIN:
      '`account:admin`: make, rotate and revoke keys, end client tokens, and have webhook endpoints. Never in a client token.',
  },
);

export const UsageBy = describedEnum<Groups>('UsageBy', 'What usage is grouped by.', usageGroups, {
  DAY: 'The day of UTC on which the job succeeded.',
  MODE: 'The mode of the job.',
  MODEL: 'The model of the job; null where the upstream chose it.',
});
