import { violationCodes } from '../jobs/accept/input-rules.ts';

export const userErrorCodes = [
  ...violationCodes,
  'IDEMPOTENCY_KEY_REUSED',
  'NOT_FOUND',
  'NOT_CANCELABLE',
  'CANCEL_REQUESTED',
  'JOB_DELETED',
  'NOT_TERMINAL',
  'QUOTA_EXHAUSTED',
  'ENDPOINT_DISABLED',
] as const;
export type UserErrorCode = (typeof userErrorCodes)[number];
