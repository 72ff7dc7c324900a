import { Field, InputType } from 'type-graphql';
import type { CharacterOrientation as Orientation, MotionMode as Mode } from '../jobs/model/job.ts';
import { LabelInput } from './label.type.ts';
import { CharacterOrientation, MotionMode } from './motion-job.enum.ts';
import { Url } from './scalars.ts';

@InputType({ description: 'The input for a video: a character from an image, a motion from a video, and options.' })
export class GenerateMotionInput {
  @Field(() => Url, {
    description:
      'The URL of the image of the character: JPG, JPEG or PNG, at most 50 MB, each side at least 300 pixels, ' +
      'aspect ratio between 1:2.5 and 2.5:1. The upstream fetches the image, so the host must be public. ' +
      'The URL must not contain a user name or password. It is stored and passed on exactly as it was sent. ' +
      'A path that ends in the extension of another format is rejected.',
  })
  imageUrl!: string;

  @Field(() => Url, {
    description:
      'The URL of the video of the motion: MP4 or MOV, at most 100 MB, each side 340 to 3,850 pixels, one ' +
      'continuous shot of 3 to 10 seconds (orientation IMAGE) or 3 to 30 seconds (orientation VIDEO). ' +
      'The upstream fetches the video, so the host must be public. ' +
      'The URL must not contain a user name or password. It is stored and passed on exactly as it was sent. ' +
      'A path that ends in the extension of another format is rejected.',
  })
  videoUrl!: string;

  @Field(() => String, {
    nullable: true,
    description: 'The prompt: a text description of the scene beyond the motion, at most 2,500 characters.',
  })
  prompt?: string | null;

  @Field(() => MotionMode, { defaultValue: MotionMode.STD, description: 'The quality of the generated video.' })
  mode!: Mode;

  @Field(() => String, {
    nullable: true,
    description:
      'The name of a model of the upstream, such as `kling-v2-6` or `kling-v3`: ' +
      '1 to 64 characters from `a-z`, `0-9`, `.`, `_`, `-`. If omitted, the upstream chooses the model.',
  })
  model?: string | null;

  @Field(() => CharacterOrientation, {
    defaultValue: CharacterOrientation.IMAGE,
    description: 'The input that determines the orientation of the character.',
  })
  characterOrientation!: Orientation;

  @Field(() => Boolean, { defaultValue: true, description: 'True to keep the sound of the motion video.' })
  keepOriginalSound!: boolean;

  @Field(() => Boolean, { defaultValue: false, description: 'True to add a watermark to the generated video.' })
  watermark!: boolean;

  @Field(() => String, {
    nullable: true,
    description:
      'The idempotency key: 1 to 255 visible ASCII characters, unique for each job that you want. ' +
      'A request with the same key and the same input returns the existing job instead of creating another; ' +
      'a request with the same key and a different input is rejected. ' +
      'After the job is deleted, its key remains reserved for a while (by default 30 days), and a request with the ' +
      'same input is rejected with JOB_DELETED. ' +
      'The header `Idempotency-Key` has the same effect for an operation with exactly one `generateMotion`; ' +
      'in the header, `"k"`, a string as defined by RFC 8941, is the key `k`.',
  })
  idempotencyKey?: string | null;

  @Field(() => Url, {
    nullable: true,
    description:
      'The URL that receives a webhook when the job ends (succeeded, failed or canceled), in addition to the ' +
      "account's endpoints. The webhook is signed with the secret that `webhookSecret` returns. " +
      'The host must be public, unless the operator allows others; redirects are not followed.',
  })
  webhookUrl?: string | null;

  @Field(() => [LabelInput], {
    nullable: true,
    description: "The client's own labels for the job, by which jobs can be filtered; at most 16.",
  })
  labels?: LabelInput[] | null;
}
