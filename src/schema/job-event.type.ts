import { Field, ID, Int, ObjectType } from 'type-graphql';
import type { JobState } from '../jobs/model/job.ts';
import type { SubmitEndKind, JobEventType as Type, Verdict } from '../jobs/model/job-event.ts';
import type { NamedEvent, TimelinePage } from '../jobs/read/list-events.ts';
import { CallbackVerdict, JobEventType, SubmitEnd } from './job-event.enum.ts';
import { PageInfo } from './motion-job-connection.type.ts';
import { MotionJobState } from './motion-job.enum.ts';
import { DateTime } from './scalars.ts';

@ObjectType({ description: 'Something that was done or heard about a job.', simpleResolvers: true })
export class JobEvent {
  @Field(() => ID, {
    description: 'Opaque, unique and stable. Events are ordered by their position in the list, not by id.',
  })
  id!: string;

  @Field(() => DateTime, { description: 'When it was recorded.' })
  at!: Date;

  @Field(() => JobEventType, { description: 'What it was.' })
  type!: Type;

  @Field(() => MotionJobState, {
    nullable: true,
    description: 'Where it took the job; null when the job stayed where it was.',
  })
  state!: JobState | null;

  @Field(() => Int, { description: "The job's version after it." })
  version!: number;

  @Field(() => Int, { nullable: true, description: 'Which attempt to submit it is about, from 1.' })
  attempt!: number | null;

  @Field(() => SubmitEnd, { nullable: true, description: 'ATTEMPT_ENDED: how.' })
  submitEnd!: SubmitEndKind | null;

  @Field(() => Int, {
    nullable: true,
    description: "ATTEMPT_ENDED: the status of the upstream's answer, if there was one.",
  })
  httpStatus!: number | null;

  @Field(() => String, { nullable: true, description: "What the upstream's support asks for." })
  upstreamTraceId!: string | null;

  @Field(() => CallbackVerdict, { nullable: true, description: 'CALLBACK and CLAIM_JUDGED: what became of it.' })
  verdict!: Verdict | null;

  @Field(() => String, { nullable: true, description: 'For people. Not to be parsed.' })
  message!: string | null;

  static of({ name, ...event }: NamedEvent): JobEvent {
    return Object.assign(new JobEvent(), event, { id: name });
  }
}

@ObjectType({ description: 'An event in a timeline.', simpleResolvers: true })
export class JobEventEdge {
  @Field(() => String, { description: 'Opaque; stays valid when events are added.' })
  cursor!: string;

  @Field(() => JobEvent, { description: 'The event.' })
  node!: JobEvent;
}

@ObjectType({ description: 'A page of a timeline, oldest first.', simpleResolvers: true })
export class JobEventConnection {
  @Field(() => [JobEventEdge], { description: 'The events with their cursors.' })
  edges!: readonly JobEventEdge[];

  @Field(() => [JobEvent], { description: 'The events alone.' })
  nodes!: readonly JobEvent[];

  @Field(() => PageInfo, { description: 'Where the page lies.' })
  pageInfo!: PageInfo;

  static of({ events, hasNextPage }: TimelinePage, after: string | null | undefined): JobEventConnection {
    const edges = events.map((event) =>
      Object.assign(new JobEventEdge(), { cursor: event.name, node: JobEvent.of(event) }),
    );
    const pageInfo = {
      hasNextPage,
      hasPreviousPage: false,
      startCursor: edges[0]?.cursor ?? null,
      endCursor: edges.at(-1)?.cursor ?? after ?? null,
    };
    return Object.assign(new JobEventConnection(), { edges, nodes: edges.map(({ node }) => node), pageInfo });
  }
}
