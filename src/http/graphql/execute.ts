/** Executes an operation within a time limit, and writes what Apollo Server answers to the reply. */
import { setTimeout } from 'node:timers/promises';
import { HeaderMap, type ApolloServer, type HTTPGraphQLRequest, type HTTPGraphQLResponse } from '@apollo/server';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { GraphQLFormattedError } from 'graphql';
import type { Caller } from '../../accounts/caller.ts';
import { networkOf } from '../../network/client-address.ts';
import { createContext, type Context, type Cores } from '../../resolvers/context.ts';
import { codesOf, noteOn, notesOf } from '../request-notes.ts';
import { acceptedType } from './accepted-type.ts';
import type { CurrentRequests } from './apollo-plugins.ts';
import { withoutEmptyFields, withoutEmptyParameters } from './empty-parameters.ts';
import { headersOf, searchOf } from './operation-request.ts';

interface Execution {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly caller: Caller;
  /** The time, by `performance.now()`, at which the operation times out. */
  readonly untilMs: number;
  /** Releases the slot of the operation. */
  readonly leave: () => void;
}

/** Resolves with the body of the response; its status and headers are set on the reply. */
export type Execute = (execution: Execution) => Promise<string>;

export function createExecute(apollo: ApolloServer<Context>, current: CurrentRequests, cores: Cores): Execute {
  return async ({ request, reply, caller, untilMs, leave }) => {
    const contextValue = createContext(caller, networkOf(request.ip), cores);
    current.requests.set(contextValue.progress, request);
    const answered = apollo.executeHTTPGraphQLRequest({
      httpGraphQLRequest: toApollo(request, current),
      context: async () => contextValue,
    });
    // An operation that timed out continues, and keeps its slot until it ends.
    void answered.then(leave, leave);
    const late = new AbortController();
    const answer = await Promise.race([
      answered,
      setTimeout(untilMs - performance.now(), timedOut, { signal: late.signal }).then((toAnswer) => {
        noteOn(request, { errors: ['OPERATION_TIMED_OUT'] });
        return toAnswer(contextValue);
      }),
    ]).finally(() => late.abort());
    return writeAnswer(request, reply, answer);
  };
}

function toApollo(request: FastifyRequest, { unacceptable }: CurrentRequests): HTTPGraphQLRequest {
  const headers = headersOf(request);
  const accepted = acceptedType(request.headers.accept);
  if (accepted === null) unacceptable.add(headers);
  // Set before anything is executed: Apollo checks the header only after a mutation has done its work.
  headers.set('accept', accepted ?? 'application/json');
  return {
    method: request.method,
    headers,
    search: withoutEmptyParameters(searchOf(request)),
    body: withoutEmptyFields(request.body),
  };
}

function writeAnswer(request: FastifyRequest, reply: FastifyReply, answer: HTTPGraphQLResponse): string {
  const { body, status } = answer;
  for (const [name, value] of answer.headers) void reply.header(name, value);
  void reply.code(status ?? 200);
  if (body.kind === 'complete') {
    // Apollo rejects a malformed request before any plugin runs. Such a response is short, so its codes are parsed
    // here.
    if ((status ?? 200) >= 400 && !notesOf(request).errors)
      noteOn(request, {
        errors: codesOf((JSON.parse(body.string) as { errors?: readonly GraphQLFormattedError[] }).errors ?? []),
      });
    return body.string;
  }
  throw new Error('unexpected incremental response');
}

/**
 * Returns the response to an operation that timed out. The operation continues and cannot be revoked, so a job may
 * still be accepted.
 */
const timedOut = ({ progress }: Context): HTTPGraphQLResponse => ({
  status: 503,
  headers: new HeaderMap([
    ['content-type', 'application/json; charset=utf-8'],
    ['retry-after', '5'],
  ]),
  body: {
    kind: 'complete',
    string: JSON.stringify({
      errors: [
        {
          message: 'The operation timed out.',
          extensions: { code: 'OPERATION_TIMED_OUT', ...(progress.accepting && { mayHaveBeenAccepted: true }) },
        },
      ],
    }),
  },
});
