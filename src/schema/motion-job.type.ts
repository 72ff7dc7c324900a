import { Field, ID, Int, ObjectType } from 'type-graphql';
import {
  isTerminal,
  type CharacterOrientation as Orientation,
  type Job,
  type JobState,
  type MotionMode as Mode,
  type SettledBy as Source,
} from '../jobs/model/job.ts';
import { Label } from './label.type.ts';
import { MotionFailure } from './motion-failure.type.ts';
import { CharacterOrientation, MotionJobState, MotionMode, SettledBy } from './motion-job.enum.ts';
import { MotionVideo } from './motion-video.type.ts';
import { Node } from './node.type.ts';
import { DateTime, Url } from './scalars.ts';

@ObjectType({
  implements: Node,
  description: 'One generation: a character from an image, moving as in a video.',
  simpleResolvers: true,
})
export class MotionJob extends Node {
  @Field(() => Int, {
    description:
      'Rises by one with every change. Of two answers about one job the one with the higher version is newer.',
  })
  version!: number;

  @Field(() => MotionJobState, { description: 'Where the job is in its life.' })
  state!: JobState;

  @Field(() => Boolean, { description: 'Whether the job has ended: SUCCEEDED, FAILED or CANCELED.' })
  isTerminal!: boolean;

  @Field(() => Boolean, { description: 'True when the sandbox made it: the video is a sample and nothing was paid.' })
  sandbox!: boolean;

  @Field(() => Url, { description: 'The character.' })
  imageUrl!: string;

  @Field(() => Url, { description: 'The motion.' })
  videoUrl!: string;

  @Field(() => String, { nullable: true, description: 'What was asked for in words.' })
  prompt!: string | null;

  @Field(() => MotionMode, { description: 'The quality of the video.' })
  mode!: Mode;

  @Field(() => String, { nullable: true, description: "The upstream's model; null leaves the choice to the upstream." })
  model!: string | null;

  @Field(() => CharacterOrientation, { description: 'Which input decides how the character is turned.' })
  characterOrientation!: Orientation;

  @Field(() => Boolean, { description: 'Whether the sound of the motion video is kept.' })
  keepOriginalSound!: boolean;

  @Field(() => Boolean, { description: 'Whether the video carries a watermark.' })
  watermark!: boolean;

  @Field(() => [Label], { description: "The client's own references, in order of their keys." })
  labels!: readonly Label[];

  @Field(() => Url, { nullable: true, description: 'Where its end is told, beside the endpoints of the account.' })
  webhookUrl!: string | null;

  @Field(() => String, { nullable: true, description: 'The key that the job was accepted with.' })
  idempotencyKey!: string | null;

  @Field(() => ID, { nullable: true, description: "The upstream's id, once it is known." })
  taskId!: string | null;

  @Field(() => MotionVideo, { nullable: true, description: 'Set when the state is SUCCEEDED.' })
  video!: MotionVideo | null;

  @Field(() => MotionFailure, { nullable: true, description: 'Set when the state is FAILED.' })
  failure!: MotionFailure | null;

  @Field(() => SettledBy, { nullable: true, description: 'Who told us how the job ended.' })
  settledBy!: Source | null;

  @Field(() => DateTime, { description: 'When it was accepted.' })
  createdAt!: Date;

  @Field(() => DateTime, { nullable: true, description: 'When the upstream was known to have taken it.' })
  submittedAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'When it ended.' })
  completedAt!: Date | null;

  @Field(() => DateTime, { description: 'When it last changed.' })
  updatedAt!: Date;

  /** The job that is shown, for the fields that are computed when they are read. */
  source!: Job;

  static of(job: Job): MotionJob {
    const { input, failure, webhook, ...rest } = job;
    return Object.assign(new MotionJob(), rest, input, {
      source: job,
      isTerminal: isTerminal(job.state),
      webhookUrl: webhook?.url ?? null,
      failure: failure && MotionFailure.of(failure),
    });
  }
}
