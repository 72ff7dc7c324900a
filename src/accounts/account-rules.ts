/** Validation rules for input about accounts and keys. All violations are reported at once. */
import { scopes as allScopes, type Scope } from './account.ts';

export interface AccountViolation {
  readonly code: 'TOO_LONG' | 'INVALID_FORMAT' | 'DUPLICATE' | 'TOO_MANY' | 'NOT_FOUND';
  readonly message: string;
  /** Path in the arguments of the mutation. */
  readonly field: readonly string[];
}

export const accountLimits = { name: 100, email: 254, quota: 1_000_000_000, jobIds: 100 } as const;

export const violation = (code: AccountViolation['code'], field: string, message: string): AccountViolation => ({
  code,
  message,
  field: ['input', field],
});

export function checkName(name: string): AccountViolation[] {
  if (name.length > accountLimits.name)
    return [violation('TOO_LONG', 'name', `The name must have at most ${accountLimits.name} characters.`)];
  return /^[^\p{Cc}\p{Cs}]*[^\p{Cc}\p{Cs}\s][^\p{Cc}\p{Cs}]*$/u.test(name)
    ? []
    : [violation('INVALID_FORMAT', 'name', 'The name must not be empty or contain control characters.')];
}

/** Requires one `@`, a domain with a dot, and no blanks. Whether the mailbox exists is not verified. */
export function checkEmail(email: string): AccountViolation[] {
  if (email.length > accountLimits.email)
    return [violation('TOO_LONG', 'email', `The email address must have at most ${accountLimits.email} characters.`)];
  return /^[^\s@\p{Cc}\p{Cs}]+@[a-z0-9-]+(\.[a-z0-9-]+)+$/iu.test(email)
    ? []
    : [violation('INVALID_FORMAT', 'email', 'The value is not a valid email address.')];
}

export function checkScopes(scopes: readonly Scope[], grantable: readonly Scope[] = allScopes): AccountViolation[] {
  if (scopes.length === 0) return [violation('INVALID_FORMAT', 'scopes', 'Specify at least one scope.')];
  if (new Set(scopes).size < scopes.length) return [violation('DUPLICATE', 'scopes', 'A scope occurs more than once.')];
  const beyond = scopes.filter((scope) => !grantable.includes(scope));
  return beyond.length === 0
    ? []
    : [violation('INVALID_FORMAT', 'scopes', `You cannot grant ${beyond.join(' and ')}.`)];
}

export function checkCount(count: number | null | undefined, field: string): AccountViolation[] {
  if (count == null || (Number.isInteger(count) && count >= 0 && count <= accountLimits.quota)) return [];
  return [violation('INVALID_FORMAT', field, `The quota must be between 0 and ${accountLimits.quota} jobs.`)];
}
