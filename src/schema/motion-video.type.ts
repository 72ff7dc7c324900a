import { Field, Float, ID, ObjectType } from 'type-graphql';
import { DateTime, Url } from './scalars.ts';

@ObjectType({ description: 'The video that a job generated.', simpleResolvers: true })
export class MotionVideo {
  @Field(() => ID, { description: "The upstream's id of the video." })
  id!: string;

  @Field(() => Url, {
    description: 'The URL of the MP4 file: a signed link that expires. Copy the file if you want to keep it.',
  })
  url!: string;

  @Field(() => Float, {
    nullable: true,
    description: 'The duration of the video in seconds, as measured by the upstream; null if it is unknown.',
  })
  durationSeconds!: number | null;

  @Field(() => DateTime, {
    nullable: true,
    description: 'The time when the video expires: the upstream deletes results after 30 days. Null if it is unknown.',
  })
  urlExpiresAt!: Date | null;
}
