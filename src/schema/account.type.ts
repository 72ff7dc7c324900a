import { Field, Float, ID, Int, ObjectType } from 'type-graphql';
import {
  remainingOf,
  type Account as AccountOfCore,
  type AccountStatus as Status,
  type ApiKey as ApiKeyOfCore,
  type Quota as QuotaOfCore,
} from '../accounts/account.ts';
import { AccountStatus, Scope, toScopeNames, type ScopeName } from './account.enum.ts';
import { PageInfo } from './motion-job-connection.type.ts';
import { DateTime } from './scalars.ts';

@ObjectType({
  description:
    'The number of jobs that an account may use. A job is reserved when it is accepted, counted as used when it ' +
    'succeeds, and released if it ends in any other way.',
  simpleResolvers: true,
})
export class Quota {
  @Field(() => Int, {
    nullable: true,
    description: 'The maximum number of jobs that can be used in total; null if there is no limit.',
  })
  limit!: number | null;

  @Field(() => Int, {
    description:
      'The number of jobs that have succeeded. ' +
      'It can exceed `limit` if results arrive for jobs that had already failed.',
  })
  used!: number;

  @Field(() => Int, { description: 'The number of jobs that have been accepted and have not ended.' })
  reserved!: number;

  @Field(() => Int, {
    nullable: true,
    description: 'The number of jobs that can be accepted now; null if there is no limit.',
  })
  remaining!: number | null;

  @Field(() => Int, {
    nullable: true,
    description: 'The maximum number of jobs that can be accepted in a month (UTC); null if there is no limit.',
  })
  monthlyLimit!: number | null;

  @Field(() => Int, { description: 'The number of jobs that were accepted this month (UTC) and not released.' })
  monthlyUsed!: number;

  @Field(() => DateTime, {
    nullable: true,
    description: 'The time when the next month begins; null if there is no monthly limit.',
  })
  resetsAt!: Date | null;

  static of(quota: QuotaOfCore): Quota {
    const { limit, used, reserved, monthlyLimit, monthlyTaken, resetsAt } = quota;
    return Object.assign(new Quota(), {
      limit,
      used,
      reserved,
      remaining: remainingOf(quota),
      monthlyLimit,
      monthlyUsed: monthlyTaken,
      resetsAt,
    });
  }
}

@ObjectType({ description: 'An owner of jobs, API keys and a quota; usually a team.', simpleResolvers: true })
export class Account {
  @Field(() => ID, { description: "The account's id." })
  id!: string;

  @Field(() => String, { description: "The account's display name." })
  name!: string;

  @Field(() => String, {
    nullable: true,
    description: "The account's email address, which is not verified; null if none was given.",
  })
  email!: string | null;

  @Field(() => AccountStatus, { description: "The account's status, which determines whether it can be used." })
  status!: Status;

  @Field(() => Quota, { description: "The account's quota: its limits, and how much of them is used." })
  quota!: Quota;

  @Field(() => DateTime, { description: 'The time when the account was created.' })
  createdAt!: Date;

  static of({ id, name, email, status, quota, createdAt }: AccountOfCore): Account {
    return Object.assign(new Account(), { id, name, email, status, quota: Quota.of(quota), createdAt });
  }
}

@ObjectType({ description: 'A page of accounts, newest first.', simpleResolvers: true })
export class AccountConnection {
  @Field(() => [Account], { description: 'The accounts on the page.' })
  nodes!: readonly Account[];

  @Field(() => PageInfo, { description: 'The position of the page in the list of accounts.' })
  pageInfo!: PageInfo;
}

@ObjectType({ description: 'An API key of an account, without the secret key itself.', simpleResolvers: true })
export class ApiKey {
  @Field(() => ID, { description: "The API key's id." })
  id!: string;

  @Field(() => String, { description: "The API key's display name." })
  name!: string;

  @Field(() => String, { description: 'The last four characters of the API key, to tell keys apart.' })
  lastFour!: string;

  @Field(() => [Scope], { description: 'The scopes of the API key: the permissions that it grants.' })
  scopes!: readonly ScopeName[];

  @Field(() => DateTime, { description: 'The time when the API key was created.' })
  createdAt!: Date;

  @Field(() => DateTime, {
    nullable: true,
    description: 'The time from which the API key is rejected; null if it never expires.',
  })
  expiresAt!: Date | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'The time when the API key was revoked, from which it is rejected; null if it was not revoked.',
  })
  revokedAt!: Date | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'The time when the API key was last used, accurate to within a minute; null if it was never used.',
  })
  lastUsedAt!: Date | null;

  static of({ scopes, ...key }: ApiKeyOfCore): ApiKey {
    return Object.assign(new ApiKey(), { ...key, scopes: toScopeNames(scopes) });
  }
}

@ObjectType({ description: 'The charged usage of one day, mode or model.', simpleResolvers: true })
export class UsageBucket {
  @Field(() => String, {
    nullable: true,
    description: 'The day as `YYYY-MM-DD`, the mode or the model of the usage; null if the upstream chose the model.',
  })
  key!: string | null;

  @Field(() => Int, { description: 'The number of jobs that succeeded.' })
  jobs!: number;

  @Field(() => Float, {
    description:
      'The total duration of the videos in seconds, which is what the upstream bills. ' +
      'The duration of each job is rounded to milliseconds.',
  })
  billedSeconds!: number;
}

@ObjectType({ description: 'The authenticated caller of the request.', simpleResolvers: true })
export class Viewer {
  @Field(() => Account, { description: 'The account that the API key or client token of the request belongs to.' })
  account!: Account;

  @Field(() => Quota, { description: "The account's quota: its limits, and how much of them is used." })
  quota!: Quota;
}
