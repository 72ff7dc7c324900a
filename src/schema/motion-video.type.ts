import { Field, Float, ID, ObjectType } from 'type-graphql';
import { DateTime, Url } from './scalars.ts';

@ObjectType({ description: 'The result of a job.', simpleResolvers: true })
export class MotionVideo {
  @Field(() => ID, { description: "The upstream's id of the video." })
  id!: string;

  @Field(() => Url, {
    description: 'Where to fetch the MP4: a signed link that expires. Copy the file if you want to keep it.',
  })
  url!: string;

  @Field(() => Float, { nullable: true, description: 'In seconds, as the upstream measured it.' })
  durationSeconds!: number | null;

  @Field(() => DateTime, { nullable: true, description: 'The upstream clears results after 30 days.' })
  urlExpiresAt!: Date | null;
}
