import {
  Client,
  CombinedError,
  cacheExchange,
  fetchExchange,
  subscriptionExchange,
  type OperationResult,
} from '@urql/core';
import { describeClientLibrary, type Connect, type Data } from './contract.ts';
import { codesOf, connectSocket } from './sockets.ts';

const dataOf = ({ data, error }: OperationResult<Data>): Data => {
  if (error) throw error;
  return data!;
};

/** Keeps all defaults except the headers: urql sends queries by GET. */
const connect: Connect = (endpoint) => {
  const { httpUrl, authorization } = endpoint;
  const socket = connectSocket(endpoint);
  const client = new Client({
    url: httpUrl,
    fetchOptions: { headers: { authorization } },
    exchanges: [
      cacheExchange,
      fetchExchange,
      subscriptionExchange({
        forwardSubscription: ({ query, variables }) => ({
          subscribe: (sink) => ({
            unsubscribe: socket.subscribe({ query: query!, variables: variables as Data }, sink),
          }),
        }),
      }),
    ],
  });
  return {
    query: async (document, variables) =>
      dataOf(await client.query<Data>(document, variables, { requestPolicy: 'network-only' })),
    mutate: async (document, variables) => dataOf(await client.mutation<Data>(document, variables)),
    subscribe(document, variables, observer) {
      let failed = false;
      const { unsubscribe } = client.subscription<Data>(document, variables).subscribe((result) => {
        if (result.error) observer.error(((failed = true), result.error));
        else observer.next(result.data!);
        if (!result.hasNext && !failed) observer.complete();
      });
      return unsubscribe;
    },
    codesOf: (error) => (error instanceof CombinedError ? codesOf(error.graphQLErrors) : [error]),
    stop: () => socket.dispose(),
  };
};

describeClientLibrary('urql', connect);
