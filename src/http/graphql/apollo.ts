/** Creates the Apollo Server that executes the operations that arrive over HTTP. */
import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginLandingPageDisabled } from '@apollo/server/plugin/disabled';
import type { Context } from '../../resolvers/context.ts';
import { createPlugins, type CurrentRequests } from './apollo-plugins.ts';
import type { GraphQLOptions } from './graphql-options.ts';
import { MAX_VALIDATION_ERRORS } from './operation-limits.ts';

export function createApollo(options: GraphQLOptions, current: CurrentRequests): ApolloServer<Context> {
  const { schema, rules, maxTokens, maskError, log } = options;
  return new ApolloServer<Context>({
    schema,
    introspection: true, // a validation rule decides, for both transports
    validationRules: [...rules],
    validationOptions: { maxErrors: MAX_VALIDATION_ERRORS },
    parseOptions: { maxTokens },
    formatError: (formatted, error) => maskError(error, String(formatted.extensions?.code)),
    includeStacktraceInErrorResponses: false,
    persistedQueries: false,
    // A browser sends the scheme Bearer only on behalf of a script, which requires a preflight. By this point, requests
    // with any other scheme have been rejected with 401.
    csrfPrevention: { requestHeaders: ['x-apollo-operation-name', 'apollo-require-preflight', 'authorization'] },
    stopOnTerminationSignals: false,
    logger: {
      debug: () => undefined,
      info: () => undefined,
      warn: (message) => log.warn({}, String(message)),
      error: (message) => log.error({}, String(message)),
    },
    plugins: [ApolloServerPluginLandingPageDisabled(), ...createPlugins(current, options)],
  });
}
