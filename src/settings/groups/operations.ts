/** Limits on the size and the rate of operations. */
import { decimal, integer } from '../setting.ts';

export const operationSettings = {
  MAX_BODY_BYTES: integer({
    min: 1024,
    max: 1_048_576,
    default: 65_536,
    meaning: 'Maximum size of a request body, a callback and a WebSocket message',
  }),
  MAX_TOKENS: integer({ min: 100, max: 10_000, default: 1000, meaning: 'Maximum number of tokens of a document' }),
  MAX_DEPTH: integer({ min: 3, max: 100, default: 15, meaning: 'Maximum nesting depth of fields in an operation' }),
  MAX_ALIASES: integer({
    min: 0,
    max: 1000,
    default: 30,
    meaning: 'Maximum number of aliases in an operation, after expansion of fragments',
  }),
  MAX_DIRECTIVES: integer({
    min: 0,
    max: 1000,
    default: 30,
    meaning: 'Maximum number of directives in an operation',
  }),
  MAX_FIELD_REPEATS: integer({
    min: 1,
    max: 1000,
    default: 30,
    meaning: 'Maximum number of occurrences of a field at one path of the response, after expansion of fragments',
  }),
  MAX_COST: integer({
    min: 10,
    max: 10_000_000,
    default: 5000,
    meaning:
      'Maximum number of fields that an operation may return. Fields of a list are multiplied by `first`, whether it is a literal, a variable or the default; a field that is read from the database separately counts 10 times, and `__typename` 0 times. Also limits the selections of a document after expansion of its fragments, of which 1,000 are always allowed',
  }),
  MAX_SUBSCRIPTION_COST: integer({
    min: 10,
    max: 10_000_000,
    default: 500,
    meaning: 'Maximum number of fields that each event of a subscription may return, counted as for `MAX_COST`',
  }),
  OPERATION_TIMEOUT_SECONDS: decimal({
    min: 0.1,
    max: 600,
    default: 10,
    meaning: 'Time limit for an operation over HTTP. After it, the operation is answered with `OPERATION_TIMED_OUT`',
  }),
  REQUESTS_PER_MINUTE: integer({
    min: 1,
    max: 100_000_000,
    default: 6000,
    meaning: 'HTTP requests per minute with one key, or without a key from one address, in each instance',
  }),
  SUBMITS_PER_MINUTE: integer({
    min: 1,
    max: 100_000_000,
    default: 600,
    meaning:
      'Calls of `generateMotion` and `POST /kling/motion` per minute with one key, across all instances. Each call in a document counts',
  }),
  SUBMITS_PER_MINUTE_PER_ACCOUNT: integer({
    min: 1,
    max: 100_000_000,
    default: 1200,
    meaning:
      'Calls of `generateMotion` and `POST /kling/motion` per minute with all keys of an account together, across all instances',
  }),
  UNKNOWN_KEYS_PER_MINUTE: integer({
    min: 1,
    max: 100_000_000,
    default: 60,
    meaning:
      'Unknown keys per minute from one address, in each instance. Above this limit, only keys that were valid before are looked up',
  }),
};
