import { Field, Int, InterfaceType, ObjectType } from 'type-graphql';
import type { AccountViolation } from '../accounts/account-rules.ts';
import type { Violation } from '../jobs/accept/input-rules.ts';
import { UserErrorCode } from './motion-job.enum.ts';
import type { WebhookViolation } from '../webhooks/result.ts';
import type { UserErrorCode as Code } from './user-error-codes.ts';

@InterfaceType({ description: 'An error that the client can act on.' })
export abstract class UserError {
  @Field(() => UserErrorCode, { description: 'The code of the error, for programs to branch on.' })
  code!: Code;

  @Field(() => String, { description: 'The error in human-readable form, not to be parsed.' })
  message!: string;

  @Field(() => [String], {
    nullable: true,
    description:
      'The path of the argument that the error concerns, such as `["input", "labels", "0", "key"]`; ' +
      'null if it concerns no single argument.',
  })
  field!: readonly string[] | null;
}

@ObjectType({
  implements: UserError,
  description: 'A field of the input violates a rule. One response reports all violations.',
  simpleResolvers: true,
})
export class InvalidInput extends UserError {
  static of(violation: Violation | AccountViolation | WebhookViolation): InvalidInput {
    return Object.assign(new InvalidInput(), violation);
  }
}

@ObjectType({
  implements: UserError,
  description: 'The idempotency key was used before with a different input.',
  simpleResolvers: true,
})
export class IdempotencyKeyReused extends UserError {
  static create(): IdempotencyKeyReused {
    return Object.assign(new IdempotencyKeyReused(), {
      code: 'IDEMPOTENCY_KEY_REUSED',
      message: 'This idempotency key was used before with a different input. Use a new key for a new job.',
      field: ['input', 'idempotencyKey'],
    });
  }
}

@ObjectType({
  implements: UserError,
  description: 'The job that was created with this idempotency key and the same input was deleted.',
  simpleResolvers: true,
})
export class JobDeleted extends UserError {
  static create(): JobDeleted {
    return Object.assign(new JobDeleted(), {
      code: 'JOB_DELETED',
      message: 'The job of this idempotency key was deleted. Use a new key for a new job.',
      field: ['input', 'idempotencyKey'],
    });
  }
}

@ObjectType({
  implements: UserError,
  description: 'The job cannot be canceled, or not at this time.',
  simpleResolvers: true,
})
export class CancelRefused extends UserError {
  static of(code: Extract<Code, 'NOT_FOUND' | 'NOT_CANCELABLE' | 'CANCEL_REQUESTED'>, message: string): CancelRefused {
    return Object.assign(new CancelRefused(), { code, message, field: ['input', 'id'] });
  }
}

@ObjectType({
  implements: UserError,
  description: 'The job cannot be deleted, or not at this time.',
  simpleResolvers: true,
})
export class DeleteRefused extends UserError {
  static of(code: Extract<Code, 'NOT_FOUND' | 'NOT_TERMINAL'>, message: string): DeleteRefused {
    return Object.assign(new DeleteRefused(), { code, message, field: ['input', 'id'] });
  }
}

@ObjectType({ implements: UserError, description: "The account's quota is exhausted.", simpleResolvers: true })
export class QuotaExhausted extends UserError {
  @Field(() => Int, { description: 'The number of jobs that are left in the quota.' })
  remaining!: number;

  static of(remaining: number): QuotaExhausted {
    return Object.assign(new QuotaExhausted(), {
      code: 'QUOTA_EXHAUSTED',
      message: 'The quota of this account is exhausted. An administrator can raise it.',
      field: null,
      remaining,
    });
  }
}
