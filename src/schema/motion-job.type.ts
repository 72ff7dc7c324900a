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
  description: 'A job: one generation of a video in which a character from an image moves as in another video.',
  simpleResolvers: true,
})
export class MotionJob extends Node {
  @Field(() => Int, {
    description:
      "The job's version, which increases by one with every change. " +
      'Of two responses about the same job, the one with the higher version is newer.',
  })
  version!: number;

  @Field(() => MotionJobState, { description: "The job's state." })
  state!: JobState;

  @Field(() => Boolean, { description: 'True if the job has ended: it is SUCCEEDED, FAILED or CANCELED.' })
  isTerminal!: boolean;

  @Field(() => Boolean, {
    description: 'True if the job runs in the sandbox: the video is a sample, and nothing is paid.',
  })
  sandbox!: boolean;

  @Field(() => Url, { description: 'The URL of the image of the character.' })
  imageUrl!: string;

  @Field(() => Url, { description: 'The URL of the video of the motion.' })
  videoUrl!: string;

  @Field(() => String, {
    nullable: true,
    description: 'The prompt: a text description of the scene beyond the motion; null if none was given.',
  })
  prompt!: string | null;

  @Field(() => MotionMode, { description: 'The quality of the video.' })
  mode!: Mode;

  @Field(() => String, {
    nullable: true,
    description: "The name of the upstream's model; null if the choice is left to the upstream.",
  })
  model!: string | null;

  @Field(() => CharacterOrientation, { description: 'The input that determines the orientation of the character.' })
  characterOrientation!: Orientation;

  @Field(() => Boolean, { description: 'True if the video keeps the sound of the motion video.' })
  keepOriginalSound!: boolean;

  @Field(() => Boolean, { description: 'True if the video carries a watermark.' })
  watermark!: boolean;

  @Field(() => [Label], { description: "The job's labels, which are the client's own references, ordered by key." })
  labels!: readonly Label[];

  @Field(() => Url, {
    nullable: true,
    description:
      "The URL that receives a webhook when the job ends, in addition to the account's endpoints; " +
      'null if none was given.',
  })
  webhookUrl!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The idempotency key with which the job was accepted; null if none was given.',
  })
  idempotencyKey!: string | null;

  @Field(() => ID, {
    nullable: true,
    description: "The id of the job's task at the upstream; null until it is known.",
  })
  taskId!: string | null;

  @Field(() => MotionVideo, {
    nullable: true,
    description: 'The generated video; null unless the state is SUCCEEDED.',
  })
  video!: MotionVideo | null;

  @Field(() => MotionFailure, {
    nullable: true,
    description: 'The reason why the job failed; null unless the state is FAILED.',
  })
  failure!: MotionFailure | null;

  @Field(() => SettledBy, {
    nullable: true,
    description: 'How the end of the job became known; null until the job has ended.',
  })
  settledBy!: Source | null;

  @Field(() => DateTime, { description: 'The time when the job was accepted.' })
  createdAt!: Date;

  @Field(() => DateTime, {
    nullable: true,
    description: 'The time when it became known that the upstream had accepted the job; null until then.',
  })
  submittedAt!: Date | null;

  @Field(() => DateTime, { nullable: true, description: 'The time when the job ended; null until then.' })
  completedAt!: Date | null;

  @Field(() => DateTime, { description: 'The time of the last change of the job.' })
  updatedAt!: Date;

  /** The stored job, from which the fields that are computed on read are derived. */
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
