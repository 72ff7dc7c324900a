import { Field, ObjectType } from 'type-graphql';
import {
  isFinalFailure,
  isWorthRetrying,
  type ChargeStatus as Charge,
  type Failure,
  type FailureCode,
} from '../jobs/model/job.ts';
import { ChargeStatus, MotionFailureCode } from './motion-job.enum.ts';

@ObjectType({ description: 'The reason why a job ended without a video.', simpleResolvers: true })
export class MotionFailure {
  @Field(() => MotionFailureCode, { description: 'The code of the failure, for programs to branch on.' })
  code!: FailureCode;

  @Field(() => String, {
    description: "The failure in human-readable form, in the upstream's own words if it gave any. Not to be parsed.",
  })
  message!: string;

  @Field(() => String, { nullable: true, description: "The upstream's own error code; null if it gave none." })
  upstreamCode!: string | null;

  @Field(() => String, {
    nullable: true,
    description: "The upstream's trace id, which the upstream's support asks for; null if there is none.",
  })
  upstreamTraceId!: string | null;

  @Field(() => Boolean, { description: 'True if a new job with the same input has a fair chance of success.' })
  worthRetrying!: boolean;

  @Field(() => ChargeStatus, { description: 'The charge of the upstream for the failed job, as far as it is known.' })
  charge!: Charge;

  @Field(() => Boolean, {
    description:
      'False if the failure was only inferred by the gateway: ' +
      'a result that arrives within 24 hours still changes the job to SUCCEEDED.',
  })
  final!: boolean;

  static of(failure: Failure): MotionFailure {
    return Object.assign(new MotionFailure(), failure, {
      worthRetrying: isWorthRetrying(failure.code),
      final: isFinalFailure(failure.code),
    });
  }
}
