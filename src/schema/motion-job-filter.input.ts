import { Field, ID, InputType } from 'type-graphql';
import type { JobState, MotionMode as Mode } from '../jobs/model/job.ts';
import { LabelInput } from './label.type.ts';
import { MotionJobState, MotionMode } from './motion-job.enum.ts';
import { DateTime } from './scalars.ts';

@InputType({ description: 'Which jobs; all given conditions must hold.' })
export class MotionJobFilter {
  @Field(() => [ID], { nullable: true, description: 'One of these, at most 100.' })
  ids?: string[] | null;

  @Field(() => [MotionJobState], { nullable: true, description: 'In one of these states.' })
  states?: JobState[] | null;

  @Field(() => [MotionMode], { nullable: true, description: 'Of one of these modes.' })
  modes?: Mode[] | null;

  @Field(() => [LabelInput], { nullable: true, description: 'With all of these labels, at most 16.' })
  labels?: LabelInput[] | null;

  @Field(() => DateTime, { nullable: true, description: 'Accepted after this.' })
  createdAfter?: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'Accepted before this.' })
  createdBefore?: Date | null;
}
