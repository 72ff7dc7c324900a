import { Field, ObjectType } from 'type-graphql';
import { MotionJob } from './motion-job.type.ts';

@ObjectType({ description: 'Where a page lies in its list.', simpleResolvers: true })
export class PageInfo {
  @Field(() => Boolean, { description: 'Whether there are more after this page.' })
  hasNextPage!: boolean;

  @Field(() => Boolean, { description: 'Always false: lists are read forward only.' })
  hasPreviousPage!: boolean;

  @Field(() => String, { nullable: true, description: 'The cursor of the first entry.' })
  startCursor!: string | null;

  @Field(() => String, { nullable: true, description: 'The cursor of the last entry: the `after` of the next page.' })
  endCursor!: string | null;
}

@ObjectType({ description: 'A job in a list.', simpleResolvers: true })
export class MotionJobEdge {
  @Field(() => String, { description: 'Opaque; stays valid when jobs are added.' })
  cursor!: string;

  @Field(() => MotionJob, { description: 'The job.' })
  node!: MotionJob;
}

@ObjectType({ description: 'A page of jobs, newest first.', simpleResolvers: true })
export class MotionJobConnection {
  @Field(() => [MotionJobEdge], { description: 'The jobs with their cursors.' })
  edges!: readonly MotionJobEdge[];

  @Field(() => [MotionJob], { description: 'The jobs alone.' })
  nodes!: readonly MotionJob[];

  @Field(() => PageInfo, { description: 'Where the page lies.' })
  pageInfo!: PageInfo;

  @Field(() => String, {
    nullable: true,
    description:
      'A cursor that was taken before the first page was read; the pages after it repeat it. `jobsUpdated(after:)` yields every change since then. ' +
      'Null for a client token that is limited to certain jobs.',
  })
  updatesCursor!: string | null;
}
