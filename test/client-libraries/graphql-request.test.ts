import { ClientError, GraphQLClient } from 'graphql-request';
import { describeClientLibrary, type Connect, type Data } from './contract.ts';
import { codesOf } from './sockets.ts';

const connect: Connect = ({ httpUrl, authorization }) => {
  const client = new GraphQLClient(httpUrl, { headers: { authorization } });
  return {
    query: (document, variables) => client.request<Data>(document, variables),
    mutate: (document, variables) => client.request<Data>(document, variables),
    subscribe: null,
    codesOf: (error) => (error instanceof ClientError ? codesOf(error.response.errors ?? []) : [error]),
    stop: () => undefined,
  };
};

describeClientLibrary('graphql-request', connect);
