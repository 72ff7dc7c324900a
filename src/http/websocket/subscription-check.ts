/** Parses and checks the document of a subscription with the checks of HTTP, and caches valid documents. */
import {
  getOperationAST,
  GraphQLError,
  OperationTypeNode,
  parse,
  specifiedRules,
  validate,
  type DocumentNode,
  type OperationDefinitionNode,
} from 'graphql';
import type { GraphQLOptions } from '../graphql/graphql-options.ts';
import { MAX_VALIDATION_ERRORS } from '../graphql/operation-limits.ts';

type Checked = { readonly document: DocumentNode; readonly operation: OperationDefinitionNode } | Invalid;
type Invalid = { readonly errors: readonly GraphQLError[] };

/** Returns the document and the operation to subscribe to, or the errors of an operation that may not be executed. */
export type SubscriptionCheck = (query: string, operationName: string | undefined, variables: unknown) => Checked;

type CheckOptions = Pick<GraphQLOptions, 'schema' | 'checkDocument' | 'checkValues' | 'maxTokens' | 'path'>;

/** Number of parsed and validated documents that are cached by their text. Most clients send the same few. */
const CACHED_DOCUMENTS = 200;

export function createSubscriptionCheck(options: CheckOptions): SubscriptionCheck {
  const { checkValues, path } = options;
  const findDocument = createDocumentCache(options);

  return (query, operationName, variables) => {
    const found = findDocument(query);
    if ('errors' in found) return found;
    const operation = getOperationAST(found.document, operationName);
    if (!operation)
      return {
        errors: [
          new GraphQLError('"operationName" must name one operation of the document.', {
            extensions: { code: 'OPERATION_RESOLUTION_FAILURE' },
          }),
        ],
      };
    if (operation.operation !== OperationTypeNode.SUBSCRIPTION) {
      const message =
        'The WebSocket accepts only subscriptions. ' +
        `Send the ${operation.operation} by HTTP POST to ${path}: split the links of your client by operation type.`;
      return { errors: [new GraphQLError(message, { extensions: { code: 'SUBSCRIPTIONS_ONLY' } })] };
    }
    const errors = checkValues(found.document, operation, variables);
    return errors.length > 0 ? { errors } : { ...found, operation };
  };
}

/** Creates a function that returns the document of a query, or the errors of its text. Only valid ones are cached. */
function createDocumentCache({ schema, checkDocument, maxTokens }: CheckOptions) {
  const documents = new Map<string, DocumentNode>();
  return (query: string): { readonly document: DocumentNode } | Invalid => {
    const known = documents.get(query);
    if (known) return { document: known };
    const refused = checkDocument(query);
    if (refused.length > 0) return { errors: refused };
    try {
      const document = parse(query, { maxTokens });
      const errors = validate(schema, document, specifiedRules, { maxErrors: MAX_VALIDATION_ERRORS });
      if (errors.length > 0) return { errors };
      if (documents.size >= CACHED_DOCUMENTS) documents.delete(documents.keys().next().value!);
      documents.set(query, document);
      return { document };
    } catch (error) {
      if (error instanceof GraphQLError)
        return {
          errors: [
            new GraphQLError(error.message, {
              nodes: error.nodes,
              source: error.source,
              positions: error.positions,
              extensions: { code: 'GRAPHQL_PARSE_FAILED' },
            }),
          ],
        };
      throw error;
    }
  };
}
