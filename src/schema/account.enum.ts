/** The enums of accounts. */
import { accountStatuses, type AccountStatus as Status, type Scope as AccountScope } from '../accounts/account.ts';
import { usageGroups, type UsageBy as Groups } from '../accounts/ports.ts';
import { describedEnum } from './described-enum.ts';

export const AccountStatus = describedEnum<Status>(
  'AccountStatus',
  'The status of an account, which determines whether the account can be used.',
  accountStatuses,
  {
    ACTIVE: 'The account is active.',
    PENDING: 'The account is awaiting approval by an administrator. It can be accessed, but no job is accepted.',
    DISABLED: 'The account is disabled: all of its keys and tokens are rejected. Its existing jobs continue to run.',
  },
);

const scopeNames = ['JOBS_READ', 'JOBS_WRITE', 'ACCOUNT_ADMIN'] as const;
export type ScopeName = (typeof scopeNames)[number];

/** Names in GraphQL cannot contain colons. */
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
  'A permission that an API key or a client token has in its account.',
  scopeNames,
  {
    JOBS_READ: '`jobs:read`: read and watch jobs, and read the quota.',
    JOBS_WRITE: '`jobs:write`: generate, cancel and delete jobs, and read the jobs that these mutations return.',
    ACCOUNT_ADMIN:
      '`account:admin`: create, rotate and revoke API keys, revoke client tokens, and manage webhook endpoints. ' +
      'A client token never has this scope.',
  },
);

export const UsageBy = describedEnum<Groups>('UsageBy', 'The property by which usage is grouped.', usageGroups, {
  DAY: 'The day (UTC) on which the job succeeded.',
  MODE: 'The mode of the job.',
  MODEL: 'The model of the job; null if the upstream chose the model.',
});
