import { Field, ObjectType } from 'type-graphql';
import { MotionJob } from './motion-job.type.ts';

@ObjectType({ description: 'The position of a page in its list.', simpleResolvers: true })
export class PageInfo {
  @Field(() => Boolean, { description: 'True if the list has more entries after this page.' })
  hasNextPage!: boolean;

  @Field(() => Boolean, { description: 'Always false: lists can be read only forward.' })
  hasPreviousPage!: boolean;

  @Field(() => String, {
    nullable: true,
    description: 'The cursor of the first entry on the page; null if the page is empty.',
  })
  startCursor!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The cursor of the last entry on the page. Pass it as `after` to read the next page.',
  })
  endCursor!: string | null;
}

@ObjectType({ description: 'A job in a list, with its cursor.', simpleResolvers: true })
export class MotionJobEdge {
  @Field(() => String, { description: "The job's cursor in the list: opaque, and still valid after jobs are added." })
  cursor!: string;

  @Field(() => MotionJob, { description: 'The job.' })
  node!: MotionJob;
}

@ObjectType({ description: 'A page of jobs, newest first.', simpleResolvers: true })
export class MotionJobConnection {
  @Field(() => [MotionJobEdge], { description: 'The jobs on the page, with their cursors.' })
  edges!: readonly MotionJobEdge[];

  @Field(() => [MotionJob], { description: 'The jobs on the page, without their cursors.' })
  nodes!: readonly MotionJob[];

  @Field(() => PageInfo, { description: 'The position of the page in the list of jobs.' })
  pageInfo!: PageInfo;

  @Field(() => String, {
    nullable: true,
    description:
      'A cursor that was taken before the first page was read; every later page repeats it. ' +
      '`jobsUpdated(after:)` sends every change since then. ' +
      'Null for a client token that is limited to certain jobs.',
  })
  updatesCursor!: string | null;
}
