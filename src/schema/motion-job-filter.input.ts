import { Field, ID, InputType } from 'type-graphql';
import type { JobState, MotionMode as Mode } from '../jobs/model/job.ts';
import { LabelInput } from './label.type.ts';
import { MotionJobState, MotionMode } from './motion-job.enum.ts';
import { DateTime } from './scalars.ts';

@InputType({ description: 'A filter for jobs. A job must meet all conditions that are given.' })
export class MotionJobFilter {
  @Field(() => [ID], { nullable: true, description: 'Selects jobs with one of these ids, at most 100.' })
  ids?: string[] | null;

  @Field(() => [MotionJobState], { nullable: true, description: 'Selects jobs in one of these states.' })
  states?: JobState[] | null;

  @Field(() => [MotionMode], { nullable: true, description: 'Selects jobs with one of these modes.' })
  modes?: Mode[] | null;

  @Field(() => [LabelInput], { nullable: true, description: 'Selects jobs with all of these labels, at most 16.' })
  labels?: LabelInput[] | null;

  @Field(() => DateTime, { nullable: true, description: 'Selects jobs that were accepted after this time.' })
  createdAfter?: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'Selects jobs that were accepted before this time.' })
  createdBefore?: Date | null;
}
