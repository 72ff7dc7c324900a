/** Scalars in addition to those of GraphQL. */
import { GraphQLError, GraphQLScalarType, Kind } from 'graphql';

export { GraphQLDateTime as DateTime } from 'graphql-scalars';

const text = (value: unknown): string => {
  if (typeof value !== 'string') throw new GraphQLError('The URL must be a string.');
  return value;
};

/**
 * Accepts any string: the syntax of a URL is checked together with the other rules, so that one response reports every
 * violation.
 */
export const Url = new GraphQLScalarType<string, string>({
  name: 'URL',
  description:
    'An absolute URL that begins with `http://` or `https://` and has at most 2,048 characters. ' +
    'In input, it is checked together with the other rules of the field; a violation is an entry of `userErrors`.',
  serialize: text,
  parseValue: text,
  parseLiteral: (node) => {
    if (node.kind !== Kind.STRING) throw new GraphQLError('The URL must be a string.', { nodes: node });
    return node.value;
  },
});
