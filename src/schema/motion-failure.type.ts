import { Field, ObjectType } from 'type-graphql';
import {
  isFinalFailure,
  isWorthRetrying,
  type ChargeStatus as Charge,
  type Failure,
  type FailureCode,
} from '../jobs/model/job.ts';
import { ChargeStatus, MotionFailureCode } from './motion-job.enum.ts';

@ObjectType({ description: 'Why a job ended without a video.', simpleResolvers: true })
export class MotionFailure {
  @Field(() => MotionFailureCode, { description: 'What to branch on.' })
  code!: FailureCode;

  @Field(() => String, { description: "For people: the upstream's own words where it gave any. Not to be parsed." })
  message!: string;

  @Field(() => String, { nullable: true, description: "The upstream's own code." })
  upstreamCode!: string | null;

  @Field(() => String, { nullable: true, description: "What the upstream's support asks for." })
  upstreamTraceId!: string | null;

  @Field(() => Boolean, { description: 'Whether the same input, as a new job, has a fair chance.' })
  worthRetrying!: boolean;

  @Field(() => ChargeStatus, { description: 'What the job cost at the upstream, as far as it is known.' })
  charge!: Charge;

  @Field(() => Boolean, {
    description:
      'False when the failure is our own guess: a result that comes within 24 hours still lifts the job to SUCCEEDED.',
  })
  final!: boolean;

  static of(failure: Failure): MotionFailure {
    return Object.assign(new MotionFailure(), failure, {
      worthRetrying: isWorthRetrying(failure.code),
      final: isFinalFailure(failure.code),
    });
  }
}
