import type { FormattedExecutionResult } from 'graphql';
import { describeClientLibrary, type Connect, type Data } from './contract.ts';
import { codesOf, connectSocket } from './sockets.ts';

type Errors = NonNullable<FormattedExecutionResult['errors']>;

class RequestFailed extends Error {
  constructor(readonly errors: Errors) {
    super(errors.map(({ message }) => message).join());
  }
}

/** Uses `graphql-ws` for subscriptions and plain `fetch` for all other operations, as the gateway requires. */
const connect: Connect = (endpoint) => {
  const { httpUrl, authorization } = endpoint;
  const socket = connectSocket(endpoint);
  const send = async (query: string, variables: Data): Promise<Data> => {
    const response = await fetch(httpUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization },
      body: JSON.stringify({ query, variables }),
    });
    const { data, errors } = (await response.json()) as FormattedExecutionResult<Data>;
    if (errors) throw new RequestFailed(errors);
    return data!;
  };
  return {
    query: send,
    mutate: send,
    subscribe: (query, variables, observer) =>
      socket.subscribe<Data>(
        { query, variables },
        {
          next: ({ data, errors }) => (errors ? observer.error(new RequestFailed(errors)) : observer.next(data!)),
          error: (error) => observer.error(error),
          complete: () => observer.complete(),
        },
      ),
    codesOf: (error) => (error instanceof RequestFailed ? codesOf(error.errors) : [error]),
    stop: () => socket.dispose(),
  };
};

describeClientLibrary('graphql-ws', connect);
