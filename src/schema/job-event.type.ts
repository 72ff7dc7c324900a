import { Field, ID, Int, ObjectType } from 'type-graphql';
import type { JobState } from '../jobs/model/job.ts';
import type { SubmitEndKind, JobEventType as Type, Verdict } from '../jobs/model/job-event.ts';
import type { NamedEvent, TimelinePage } from '../jobs/read/list-events.ts';
import { CallbackVerdict, JobEventType, SubmitEnd } from './job-event.enum.ts';
import { PageInfo } from './motion-job-connection.type.ts';
import { MotionJobState } from './motion-job.enum.ts';
import { DateTime } from './scalars.ts';

@ObjectType({
  description: 'An event in the timeline of a job: an action of the gateway, or information that it received.',
  simpleResolvers: true,
})
export class JobEvent {
  @Field(() => ID, {
    description:
      "The event's id: opaque, unique and stable. Events are ordered by their position in the list, not by their id.",
  })
  id!: string;

  @Field(() => DateTime, { description: 'The time when the event was recorded.' })
  at!: Date;

  @Field(() => JobEventType, { description: 'The type of the event.' })
  type!: Type;

  @Field(() => MotionJobState, {
    nullable: true,
    description: 'The state to which the event moved the job; null if the state did not change.',
  })
  state!: JobState | null;

  @Field(() => Int, { description: "The job's version after the event." })
  version!: number;

  @Field(() => Int, {
    nullable: true,
    description: 'The number of the attempt to submit the job, counted from 1; null if the event concerns no attempt.',
  })
  attempt!: number | null;

  @Field(() => SubmitEnd, {
    nullable: true,
    description: 'How the attempt to submit the job ended; null unless the type is ATTEMPT_ENDED.',
  })
  submitEnd!: SubmitEndKind | null;

  @Field(() => Int, {
    nullable: true,
    description: "The HTTP status of the upstream's answer, for an ATTEMPT_ENDED event; null if there was no answer.",
  })
  httpStatus!: number | null;

  @Field(() => String, {
    nullable: true,
    description: "The upstream's trace id, which the upstream's support asks for; null if there is none.",
  })
  upstreamTraceId!: string | null;

  @Field(() => CallbackVerdict, {
    nullable: true,
    description: 'The verdict on the callback; null unless the type is CALLBACK or CLAIM_JUDGED.',
  })
  verdict!: Verdict | null;

  @Field(() => String, { nullable: true, description: 'Human-readable details of the event, not to be parsed.' })
  message!: string | null;

  static of({ name, ...event }: NamedEvent): JobEvent {
    return Object.assign(new JobEvent(), event, { id: name });
  }
}

@ObjectType({ description: 'An event in a timeline, with its cursor.', simpleResolvers: true })
export class JobEventEdge {
  @Field(() => String, { description: "The event's cursor: opaque, and still valid after events are added." })
  cursor!: string;

  @Field(() => JobEvent, { description: 'The event.' })
  node!: JobEvent;
}

@ObjectType({ description: "A page of a job's timeline, oldest event first.", simpleResolvers: true })
export class JobEventConnection {
  @Field(() => [JobEventEdge], { description: 'The events on the page, with their cursors.' })
  edges!: readonly JobEventEdge[];

  @Field(() => [JobEvent], { description: 'The events on the page, without their cursors.' })
  nodes!: readonly JobEvent[];

  @Field(() => PageInfo, { description: 'The position of the page in the timeline.' })
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
