/** Scalars beyond GraphQL's own. */
import { GraphQLError, GraphQLScalarType, Kind } from 'graphql';

export { GraphQLDateTime as DateTime } from 'graphql-scalars';

const text = (value: unknown): string => {
  if (typeof value !== 'string') throw new GraphQLError('A URL is a string.');
  return value;
};

/**
 * Any string passes here: what a URL must be is checked with the other rules, so that one answer names every violation.
 */
export const Url = new GraphQLScalarType<string, string>({
  name: 'URL',
  description:
    'An absolute URL that begins with `http://` or `https://`, at most 2,048 characters. In input it is checked with the other rules of the field; a violation is a `userErrors` entry.',
  serialize: text,
  parseValue: text,
  parseLiteral: (node) => {
    if (node.kind !== Kind.STRING) throw new GraphQLError('A URL is a string.', { nodes: node });
    return node.value;
  },
});
