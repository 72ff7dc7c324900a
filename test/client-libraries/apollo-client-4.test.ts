import { ApolloClient, ApolloLink, CombinedGraphQLErrors, HttpLink, InMemoryCache, gql } from '@apollo/client';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { OperationTypeNode } from 'graphql';
import { describeClientLibrary, type Connect, type Data } from './contract.ts';
import { codesOf, connectSocket } from './sockets.ts';

const connect: Connect = (endpoint) => {
  const { httpUrl, authorization } = endpoint;
  const socket = connectSocket(endpoint);
  const link = ApolloLink.split(
    ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
    new GraphQLWsLink(socket),
    new HttpLink({ uri: httpUrl, headers: { authorization } }),
  );
  const client = new ApolloClient({ link, cache: new InMemoryCache() });
  return {
    query: async (document, variables) =>
      (await client.query<Data>({ query: gql(document), variables, fetchPolicy: 'network-only' })).data!,
    mutate: async (document, variables) => (await client.mutate<Data>({ mutation: gql(document), variables })).data!,
    subscribe(document, variables, observer) {
      const results = client.subscribe<Data>({ query: gql(document), variables });
      const subscription = results.subscribe({
        next: ({ data, error }) => (error ? observer.error(error) : observer.next(data!)),
        error: (error: unknown) => observer.error(error),
        complete: () => observer.complete(),
      });
      return () => subscription.unsubscribe();
    },
    codesOf: (error) => (CombinedGraphQLErrors.is(error) ? codesOf(error.errors) : [error]),
    async stop() {
      client.stop();
      await socket.dispose();
    },
  };
};

describeClientLibrary('Apollo Client 4', connect);
