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
  400: 'The request is invalid or carries no API key, or the task was refused because of its input.',
  401: 'The API key is unknown, or has expired or was revoked.',
  403: 'The account is disabled, the key lacks the scope, the quota is used up, or the content was rejected.',
  404: 'There is no such task for this key.',
  413: 'The body is too large.',
  415: 'The content type is not JSON, or the body is compressed.',
  429: 'Too many requests; `Retry-After` gives the seconds to wait before a retry.',
  500: 'The task failed, or an internal error occurred. Repeating the request joins the same task.',
  504: 'The task has not ended yet, or its outcome is not known. Repeating the request joins the same task.',
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
    description: 'The number of requests that the key may send, and the length of the window in seconds.',
    schema: { type: 'string' },
  },
  ratelimit: {
    description: 'The number of requests left in the window, and the seconds until it ends.',
    schema: { type: 'string' },
  },
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
      title: 'Motion gateway REST API',
      version: '1',
      description:
        "The vendor's contract for Kling motion generation, served by the gateway and accessed with the gateway's API keys.",
    },
    servers: [{ url: serverUrl }],
    security: [{ key: [] }],
    paths: {
      [SUBMIT_PATH]: {
        post: {
          operationId: 'generateMotion',
          summary: 'Submits a task.',
          description:
            'The request is held until the task has ended, and answered with its result. ' +
            'With `async` or `callback_url`, it is answered immediately with the `task_id`. ' +
            'An optional field that is null or empty counts as absent. ' +
            'A request that was not answered can be repeated: the repeat joins its task.',
          parameters: [
            {
              name: 'Idempotency-Key',
              in: 'header',
              required: false,
              description:
                'A request with the same key and the same input joins the same task, ' +
                'however the earlier request was answered. REST and GraphQL share their keys.',
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
          summary: 'Looks up one task or several tasks.',
          description:
            'With `ids`, returns the known tasks in the order of the ids; ' +
            'without `ids`, the tasks of a period, newest first. Look-ups are free of charge, within the rate limits.',
          parameters: [
            {
              name: ACCOUNT_HEADER,
              in: 'header',
              required: false,
              description: 'For administrators: the account whose tasks are returned.',
              schema: { type: 'string' },
            },
          ],
          requestBody: { required: true, content: json(schemaOf(sentLookUpBody, 'input')) },
          responses: {
            200: {
              description: 'A task record, or a list of task records.',
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
          description: 'An API key of the gateway. Look-ups also accept a client token.',
        },
      },
    },
  };
}
