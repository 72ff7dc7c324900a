import { ApolloClient, ApolloError, ApolloLink, HttpLink, InMemoryCache, gql } from 'apollo-client-3/core/core.cjs';
import { GraphQLWsLink } from 'apollo-client-3/link/subscriptions/subscriptions.cjs';
import { getMainDefinition } from 'apollo-client-3/utilities/utilities.cjs';
import { Kind, OperationTypeNode, type GraphQLFormattedError } from 'graphql';
import { describeClientLibrary, type Connect, type Data } from './contract.ts';
import { codesOf, connectSocket } from './sockets.ts';

/**
 * Returns the GraphQL errors of a response with an HTTP error status, which this version reports as a network error.
 */
function errorsOfStatus({ networkError }: ApolloError): readonly GraphQLFormattedError[] {
  const result =
    networkError && 'result' in networkError && typeof networkError.result === 'object' ? networkError.result : {};
  return (result.errors as GraphQLFormattedError[] | undefined) ?? [];
}

const connect: Connect = (endpoint) => {
  const { httpUrl, authorization } = endpoint;
  const socket = connectSocket(endpoint);
  const link = ApolloLink.split(
    ({ query }) => {
      const definition = getMainDefinition(query);
      return definition.kind === Kind.OPERATION_DEFINITION && definition.operation === OperationTypeNode.SUBSCRIPTION;
    },
    new GraphQLWsLink(socket),
    new HttpLink({ uri: httpUrl, headers: { authorization } }),
  );
  const client = new ApolloClient({ link, cache: new InMemoryCache() });
  return {
    query: async (document, variables) =>
      (await client.query<Data>({ query: gql(document), variables, fetchPolicy: 'network-only' })).data,
    mutate: async (document, variables) => (await client.mutate<Data>({ mutation: gql(document), variables })).data!,
    subscribe(document, variables, observer) {
      const results = client.subscribe<Data>({ query: gql(document), variables });
      const subscription = results.subscribe({
        next: ({ data }) => observer.next(data!),
        error: (error: unknown) => observer.error(error),
        complete: () => observer.complete(),
      });
      return () => subscription.unsubscribe();
    },
    codesOf: (error) =>
      error instanceof ApolloError ? codesOf([...error.graphQLErrors, ...errorsOfStatus(error)]) : [error],
    async stop() {
      client.stop();
      await socket.dispose();
    },
  };
};

describeClientLibrary('Apollo Client 3', connect);
