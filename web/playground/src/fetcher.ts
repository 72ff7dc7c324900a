import { getOperationAST, OperationTypeNode, parse, type DocumentNode, type ExecutionResult } from 'graphql';
import type { Fetcher, FetcherParams } from '@graphiql/toolkit';
import { createAuthorizer, prepareHeaders, type Headers } from './authorization.ts';
import { urlOf, type PlaygroundConfig } from './config.ts';
import { fillLastJob, LAST_JOB, rememberJob, type Variables } from './last-job.ts';
import { createSubscriber } from './socket.ts';

/** Queries and mutations over HTTP, subscriptions over graphql-ws, `LAST_JOB` filled in for both. */
export function createFetcher(config: PlaygroundConfig): Fetcher {
  const authorize = createAuthorizer();
  const url = urlOf(config.graphqlPath);
  const subscribe = createSubscriber(url);

  return ({ query, operationName, variables }, options) => {
    const filled = fillLastJob((variables ?? {}) as Variables);
    if (filled === null)
      return failure(
        `${LAST_JOB} stands for the job you submitted last, and there is none yet: run the Submit tab first.`,
      );
    const document = tryParse(query);
    // For about 100 ms after a change of tabs GraphiQL still names the operation of the tab before.
    const operation = document && (getOperationAST(document, operationName) ?? getOperationAST(document));
    const request = { query, operationName: operation?.name?.value ?? operationName, variables: filled };
    // The first introspection comes before the Headers pane exists and brings no headers at all.
    const headers = authorize(options?.headers ?? prepareHeaders(config.apiKey));
    if (operation?.operation === OperationTypeNode.SUBSCRIPTION) return subscribe(request, headers['authorization']);
    return post(url, request, headers).then((result) => {
      if (operation) rememberJob(operation, result);
      return result;
    });
  };
}

async function post(url: URL, request: FetcherParams, headers: Headers): Promise<ExecutionResult> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/graphql-response+json, application/json',
      ...headers,
    },
    body: JSON.stringify(request),
    redirect: 'error',
  }).catch(() => null);
  if (response === null) return failure('The gateway cannot be reached.');
  const text = await response.text();
  try {
    return JSON.parse(text) as ExecutionResult;
  } catch {
    return failure(`The gateway answered ${response.status} ${response.statusText}, and not in JSON.`, {
      body: text.slice(0, 1_000),
    });
  }
}

function failure(message: string, extensions?: Record<string, unknown>): ExecutionResult {
  return { errors: [{ message, ...(extensions && { extensions }) }] } as unknown as ExecutionResult;
}

function tryParse(query: string): DocumentNode | null {
  try {
    return parse(query);
  } catch {
    return null; // the gateway says what is wrong with it
  }
}
