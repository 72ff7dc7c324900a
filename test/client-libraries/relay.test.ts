import {
  Network,
  Observable,
  type FetchFunction,
  type GraphQLResponse,
  type GraphQLSingularResponse,
  type RequestParameters,
  type SubscribeFunction,
  type Variables,
} from 'relay-runtime';
import type { FormattedExecutionResult } from 'graphql';
import { describeClientLibrary, type Connect, type Data } from './contract.ts';
import { codesOf, connectSocket } from './sockets.ts';

class RelayErrors extends Error {
  constructor(readonly errors: NonNullable<FormattedExecutionResult['errors']>) {
    super(errors.map(({ message }) => message).join());
  }
}

/** Throws if the response has errors, like the fetch function in Relay's documentation. */
const dataOf = (response: GraphQLResponse): Data => {
  const { data, errors } = response as GraphQLSingularResponse & FormattedExecutionResult;
  if (errors) throw new RelayErrors(errors);
  return data as Data;
};

/** Connects Relay's network layer with the fetch and subscribe functions from its documentation. */
const connect: Connect = (endpoint) => {
  const { httpUrl, authorization } = endpoint;
  const socket = connectSocket(endpoint);
  const fetchQuery: FetchFunction = async ({ text }, variables) => {
    const response = await fetch(httpUrl, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization },
      body: JSON.stringify({ query: text, variables }),
    });
    return (await response.json()) as GraphQLResponse;
  };
  const subscribe: SubscribeFunction = ({ name, text }, variables) =>
    Observable.create((sink) =>
      socket.subscribe(
        { operationName: name, query: text!, variables },
        sink as unknown as Parameters<typeof socket.subscribe>[1],
      ),
    );
  const network = Network.create(fetchQuery, subscribe);
  const execute = (operationKind: RequestParameters['operationKind'], text: string, variables: Variables) =>
    network.execute(
      { id: null, cacheID: text, name: /\w+ (\w+)/.exec(text)![1]!, text, operationKind, metadata: {} },
      variables,
      {},
    );
  return {
    query: async (document, variables) => dataOf((await execute('query', document, variables).toPromise())!),
    mutate: async (document, variables) => dataOf((await execute('mutation', document, variables).toPromise())!),
    subscribe(document, variables, observer) {
      const subscription = execute('subscription', document, variables).subscribe({
        next(response) {
          const { errors } = response as FormattedExecutionResult;
          if (errors) observer.error(new RelayErrors(errors));
          else observer.next(dataOf(response));
        },
        error: (error: unknown) => observer.error(error),
        complete: () => observer.complete(),
      });
      return () => subscription.unsubscribe();
    },
    codesOf: (error) => (error instanceof RelayErrors ? codesOf(error.errors) : [error]),
    stop: () => socket.dispose(),
  };
};

describeClientLibrary("Relay's network layer", connect);
