/** Generates the OpenAPI description of the REST routes from the schemas that parse requests and build responses. */
import { z } from 'zod';
import {
  acceptedAnswer,
  errorAnswer,
  failureAnswer,
  successAnswer,
  taskList,
  taskRecord,
} from '../../upstream/acedata/wire/answers.ts';
import { errorStatuses, type ErrorCode } from '../../upstream/acedata/wire/envelopes.ts';
import { sentLookUpBody } from '../../upstream/acedata/wire/look-up.ts';
import { LOOK_UP_PATH, SUBMIT_PATH } from '../../upstream/acedata/wire/routes.ts';
import { sentSubmitBody } from '../../upstream/acedata/wire/submit-body.ts';
import { ACCOUNT_HEADER } from '../rate-limit-headers.ts';
import { failureTellings } from './failure-codes.ts';

type Code = ErrorCode | 'not_found';

const failures = [...new Set(Object.values(failureTellings).map(({ code }) => code))];

/**
 * Codes of refused requests, apart from those of failed tasks. `bad_request` also covers a body that is too large or
 * has another content type.
 */
const refusals = {
  submit: [
    'bad_request',
    'no_token',
    'invalid_token',
    'token_expired',
    'disabled',
    'forbidden',
    'used_up',
    'not_found',
    'too_many_requests',
    'api_error',
    'timeout',
  ],
  lookUp: [
    'bad_request',
    'no_token',
    'invalid_token',
    'token_expired',
    'disabled',
    'forbidden',
    'not_found',
    'too_many_requests',
    'api_error',
  ],
} as const satisfies Record<string, readonly Code[]>;

const statusesOf = (code: Code): readonly number[] =>
  code === 'not_found' ? [404] : code === 'bad_request' ? [400, 413, 415] : [errorStatuses[code]];

const meanings: Readonly<Record<number, string>> = {
  400: 'The request cannot be served, or the task was refused for its input.',
  401: 'The key is not known, or has ended.',
  403: 'The account is disabled, the key may not do this, the quota is used up, or the content was refused.',
  404: 'There is no such task for this key.',
  413: 'The body is too large.',
  415: 'The body is not JSON by its type.',
  429: 'Too many requests; `Retry-After` says when to come again.',
  500: 'The task failed, or something went wrong here. Repeating it joins the same task.',
  504: 'The task is not done yet, or nobody knows how it ended. Repeating the request joins the same task.',
};

function schemaOf(schema: z.ZodType, io: 'input' | 'output' = 'output'): object {
  // `$schema` is omitted, because OpenAPI defines the dialect.
  return Object.fromEntries(Object.entries(z.toJSONSchema(schema, { io })).filter(([name]) => name !== '$schema'));
}

const json = (...schemas: readonly object[]) => ({
  'application/json': { schema: schemas.length === 1 ? schemas[0] : { anyOf: schemas } },
});

const headers = {
  'x-request-id': { description: 'The same as `trace_id`.', schema: { type: 'string' } },
  'ratelimit-policy': {
    description: 'How many requests this key may make, and in how many seconds.',
    schema: { type: 'string' },
  },
  ratelimit: { description: 'How many are left, and for how many seconds.', schema: { type: 'string' } },
};

/**
 * Returns the errors of a route by status: the codes of its refusals, and those of failed tasks whose end it may
 * report.
 */
function errorsOf(refused: readonly Code[], failed: readonly ErrorCode[]): object {
  const statuses = [...new Set([...refused, ...failed].flatMap(statusesOf))].sort((one, other) => one - other);
  return Object.fromEntries(
    statuses.map((status) => {
      const codes = refused.filter((code) => statusesOf(code).includes(status));
      const ends = failed.filter((code) => errorStatuses[code] === status);
      const schemas = [
        ...(codes.length > 0 ? [schemaOf(errorAnswer(codes))] : []),
        ...(ends.length > 0 ? [schemaOf(failureAnswer(ends))] : []),
      ];
      return [status, { description: meanings[status], content: json(...schemas) }];
    }),
  );
}

/**
 * Describes the REST routes. `serverUrl` leads from the document to the root of the gateway: a proxy may have added a
 * prefix to both.
 */
export function describeRest(serverUrl = '.'): object {
  // A record contains the request as the client sent it.
  const record = taskRecord(sentSubmitBody, failures);
  return {
    openapi: '3.1.0',
    info: {
      title: 'Motion gateway, REST',
      version: '1',
      description:
        "The vendor's own contract for Kling motion generation, served by the gateway with the gateway's keys.",
    },
    servers: [{ url: serverUrl }],
    security: [{ key: [] }],
    paths: {
      [SUBMIT_PATH]: {
        post: {
          operationId: 'generateMotion',
          summary: 'Accepts a task.',
          description:
            'Held until the task has ended, and answered with its result; with `async` or `callback_url` answered with the `task_id` at once. An optional field that is null or empty counts as absent. A request that was left unanswered can be repeated: it joins its task.',
          parameters: [
            {
              name: 'Idempotency-Key',
              in: 'header',
              required: false,
              description:
                'The same key and input: the same task, however it was answered. One key space with GraphQL.',
              schema: { type: 'string', pattern: '^[\\x21-\\x7e]{1,255}$' },
            },
          ],
          requestBody: { required: true, content: json(schemaOf(sentSubmitBody, 'input')) },
          responses: {
            200: {
              description: 'The result, or the id of the task.',
              headers,
              content: json(schemaOf(successAnswer), schemaOf(acceptedAnswer)),
            },
            ...errorsOf(refusals.submit, failures),
          },
        },
      },
      [LOOK_UP_PATH]: {
        post: {
          operationId: 'lookUpTasks',
          summary: 'Reads one task, or many.',
          description:
            'Many are those of `ids` that are known, in that order; without `ids` those of a time, newest first. Free, and to be asked at any pace within the limits.',
          parameters: [
            {
              name: ACCOUNT_HEADER,
              in: 'header',
              required: false,
              description: 'For administrators: whose tasks.',
              schema: { type: 'string' },
            },
          ],
          requestBody: { required: true, content: json(schemaOf(sentLookUpBody, 'input')) },
          responses: {
            200: {
              description: 'A record, or a list of records.',
              headers,
              content: json(schemaOf(record, 'input'), schemaOf(taskList(record), 'input')),
            },
            ...errorsOf(refusals.lookUp, []),
          },
        },
      },
    },
    components: {
      securitySchemes: {
        key: {
          type: 'http',
          scheme: 'bearer',
          description: 'An API key of the gateway; for look-ups a client token too.',
        },
      },
    },
  };
}
