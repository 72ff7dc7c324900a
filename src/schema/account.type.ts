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
    'How many jobs an account may have. A job is reserved when it is accepted, used when it succeeds, and given back at any other end.',
  simpleResolvers: true,
})
export class Quota {
  @Field(() => Int, { nullable: true, description: 'Jobs that may ever be used; null is no limit.' })
  limit!: number | null;

  @Field(() => Int, {
    description: 'Jobs that have succeeded. May exceed `limit` by jobs whose result came after they had failed.',
  })
  used!: number;

  @Field(() => Int, { description: 'Jobs that were accepted and have not ended.' })
  reserved!: number;

  @Field(() => Int, { nullable: true, description: 'Jobs that may be accepted now; null is no limit.' })
  remaining!: number | null;

  @Field(() => Int, { nullable: true, description: 'Jobs that may be accepted in a month of UTC; null is no limit.' })
  monthlyLimit!: number | null;

  @Field(() => Int, { description: 'Jobs that were accepted this month and not given back.' })
  monthlyUsed!: number;

  @Field(() => DateTime, { nullable: true, description: 'When the next month begins; null without a monthly limit.' })
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

@ObjectType({ description: 'Who owns jobs, keys and quota: a team, usually.', simpleResolvers: true })
export class Account {
  @Field(() => ID, { description: 'Its id.' })
  id!: string;

  @Field(() => String, { description: 'For people.' })
  name!: string;

  @Field(() => String, { nullable: true, description: 'As it was given; nobody has shown that he reads its mail.' })
  email!: string | null;

  @Field(() => AccountStatus, { description: 'Whether it may be used.' })
  status!: Status;

  @Field(() => Quota, { description: 'What is left to it.' })
  quota!: Quota;

  @Field(() => DateTime, { description: 'When it was made.' })
  createdAt!: Date;

  static of({ id, name, email, status, quota, createdAt }: AccountOfCore): Account {
    return Object.assign(new Account(), { id, name, email, status, quota: Quota.of(quota), createdAt });
  }
}

@ObjectType({ description: 'A page of accounts, newest first.', simpleResolvers: true })
export class AccountConnection {
  @Field(() => [Account], { description: 'The accounts.' })
  nodes!: readonly Account[];

  @Field(() => PageInfo, { description: 'Where the page lies.' })
  pageInfo!: PageInfo;
}

@ObjectType({ description: 'A key of an account, without the key itself.', simpleResolvers: true })
export class ApiKey {
  @Field(() => ID, { description: 'Its id.' })
  id!: string;

  @Field(() => String, { description: 'For people.' })
  name!: string;

  @Field(() => String, { description: 'The last four characters of the key, to tell keys apart by.' })
  lastFour!: string;

  @Field(() => [Scope], { description: 'What it may do.' })
  scopes!: readonly ScopeName[];

  @Field(() => DateTime, { description: 'When it was made.' })
  createdAt!: Date;

  @Field(() => DateTime, { nullable: true, description: 'From then on it opens nothing; null is never.' })
  expiresAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'Since then it opens nothing; null when it was not revoked.' })
  revokedAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'When it was last used, to within a minute.' })
  lastUsedAt!: Date | null;

  static of({ scopes, ...key }: ApiKeyOfCore): ApiKey {
    return Object.assign(new ApiKey(), { ...key, scopes: toScopeNames(scopes) });
  }
}

@ObjectType({ description: 'What was charged, of one day, mode or model.', simpleResolvers: true })
export class UsageBucket {
  @Field(() => String, {
    nullable: true,
    description: 'The day as `YYYY-MM-DD`, the mode or the model; null where the upstream chose the model.',
  })
  key!: string | null;

  @Field(() => Int, { description: 'Jobs that succeeded.' })
  jobs!: number;

  @Field(() => Float, {
    description:
      'Seconds of video, which is what the upstream bills; the duration of each job is rounded to milliseconds.',
  })
  billedSeconds!: number;
}

@ObjectType({ description: 'Who asks.', simpleResolvers: true })
export class Viewer {
  @Field(() => Account, { description: 'The account of the key or token.' })
  account!: Account;

  @Field(() => Quota, { description: 'What is left to it.' })
  quota!: Quota;
}
