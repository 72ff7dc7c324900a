/** Results of operations on webhooks, and the violations that they report. */

export interface WebhookViolation {
  readonly code:
    | 'INVALID_URL'
    | 'URL_HAS_CREDENTIALS'
    | 'PRIVATE_ADDRESS'
    | 'TOO_LONG'
    | 'TOO_MANY'
    | 'INVALID_FORMAT'
    | 'DUPLICATE'
    | 'NOT_FOUND'
    | 'ENDPOINT_DISABLED';
  readonly message: string;
  readonly field: readonly string[];
}

export type Result<T> =
  ({ readonly kind: 'done' } & T) | { readonly kind: 'invalid'; readonly violations: readonly WebhookViolation[] };

export const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
export const violate = (code: WebhookViolation['code'], field: string, message: string): WebhookViolation => ({
  code,
  message,
  field: ['input', field],
});
export const invalid = (...violations: WebhookViolation[]) => ({ kind: 'invalid', violations }) as const;
export const unknownEndpoint = (field: string) => invalid(violate('NOT_FOUND', field, 'There is no such endpoint.'));
