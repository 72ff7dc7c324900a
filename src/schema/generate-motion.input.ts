import { Field, InputType } from 'type-graphql';
import type { CharacterOrientation as Orientation, MotionMode as Mode } from '../jobs/model/job.ts';
import { LabelInput } from './label.type.ts';
import { CharacterOrientation, MotionMode } from './motion-job.enum.ts';
import { Url } from './scalars.ts';

@InputType({ description: 'A character, a motion, and how to bring them together.' })
export class GenerateMotionInput {
  @Field(() => Url, {
    description:
      'The character: JPG, JPEG or PNG, at most 50 MB, each side at least 300 pixels, ratio between 1:2.5 and 2.5:1. The upstream fetches it, so the host must be public; no user name or password in the URL. It is stored and passed on exactly as it was sent. A path that ends in the extension of another format is refused.',
  })
  imageUrl!: string;

  @Field(() => Url, {
    description:
      'The motion: MP4 or MOV, at most 100 MB, sides of 340 to 3,850 pixels, one unbroken shot of 3 to 10 seconds (orientation IMAGE) or 3 to 30 seconds (VIDEO). The upstream fetches it, so the host must be public; no user name or password in the URL. It is stored and passed on exactly as it was sent. A path that ends in the extension of another format is refused.',
  })
  videoUrl!: string;

  @Field(() => String, { nullable: true, description: 'What to see beside the motion, at most 2,500 characters.' })
  prompt?: string | null;

  @Field(() => MotionMode, { defaultValue: MotionMode.STD, description: 'The quality of the video.' })
  mode!: Mode;

  @Field(() => String, {
    nullable: true,
    description:
      'A model of the upstream, such as `kling-v2-6` or `kling-v3`: 1 to 64 of `a-z`, `0-9`, `.`, `_`, `-`. Leave it out to let the upstream choose.',
  })
  model?: string | null;

  @Field(() => CharacterOrientation, {
    defaultValue: CharacterOrientation.IMAGE,
    description: 'Which input decides how the character is turned.',
  })
  characterOrientation!: Orientation;

  @Field(() => Boolean, { defaultValue: true, description: 'Whether to keep the sound of the motion video.' })
  keepOriginalSound!: boolean;

  @Field(() => Boolean, { defaultValue: false, description: 'Whether the video shall carry a watermark.' })
  watermark!: boolean;

  @Field(() => String, {
    nullable: true,
    description:
      '1 to 255 visible ASCII characters, unique for what you want done. The same key with the same input answers the same job instead of making another; with another input it is refused. After the job was deleted the key stays spent for a while (by default 30 days): the same input is refused with JOB_DELETED. The header `Idempotency-Key` does the same for a document with one `generateMotion`; there `"k"`, a string of RFC 8941, is the key `k`.',
  })
  idempotencyKey?: string | null;

  @Field(() => Url, {
    nullable: true,
    description:
      'Where to tell of its end: a webhook of the type succeeded, failed or canceled, signed with the secret that `webhookSecret` shows, beside the endpoints of the account. A public host, unless the operator allows others; redirects are not followed.',
  })
  webhookUrl?: string | null;

  @Field(() => [LabelInput], { nullable: true, description: "Up to 16 of the client's own references, to filter by." })
  labels?: LabelInput[] | null;
}
