/**
 * Reads the `Idempotency-Key` header. It applies to an operation with exactly one `generateMotion` field whose input
 * has no other key.
 */
import type { ApolloServerPlugin } from '@apollo/server';
import {
  getArgumentValues,
  getVariableValues,
  GraphQLError,
  Kind,
  OperationTypeNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import type { Context } from '../../resolvers/context.ts';
import { readIdempotencyKey } from '../idempotency-key.ts';

const FIELD = 'generateMotion';

const refuse = (message: string): never => {
  throw new GraphQLError(message, { extensions: { code: 'IDEMPOTENCY_KEY_AMBIGUOUS', http: { status: 400 } } });
};

/** Rejects the whole document, before anything is executed, if the header is ambiguous. */
export const idempotencyHeaderPlugin: ApolloServerPlugin<Context> = {
  requestDidStart: async () => ({
    async didResolveOperation({ request, document, operation, schema, contextValue }) {
      const header = request.http?.headers.get('idempotency-key');
      if (!header || operation?.operation !== OperationTypeNode.MUTATION) return;
      const fragments = new Map(
        document.definitions
          .filter((definition) => definition.kind === Kind.FRAGMENT_DEFINITION)
          .map((fragment) => [fragment.name.value, fragment]),
      );
      const fields = fieldsOf(operation.selectionSet, fragments);
      const [field] = fields;
      if (!field) return;
      if (fields.length > 1)
        refuse(`The Idempotency-Key header requires exactly one ${FIELD}; give each field its own idempotencyKey.`);
      const definition = schema.getMutationType()?.getFields()[FIELD];
      // Execution reports invalid variables itself.
      const { coerced } = getVariableValues(schema, operation.variableDefinitions ?? [], request.variables ?? {}, {
        maxErrors: 1,
      });
      const input = definition && coerced && valuesOf(() => getArgumentValues(definition, field, coerced));
      const own = input?.idempotencyKey;
      const { key, formerKey } = readIdempotencyKey(header);
      if (own != null && own !== key && own !== header)
        refuse('The Idempotency-Key header and the idempotencyKey of the input differ.');
      contextValue.idempotencyKey = key;
      contextValue.formerIdempotencyKey = formerKey;
    },
  }),
};

function fieldsOf(set: SelectionSetNode, fragments: ReadonlyMap<string, FragmentDefinitionNode>): FieldNode[] {
  return set.selections.flatMap((selection) => {
    switch (selection.kind) {
      case Kind.FIELD:
        return selection.name.value === FIELD ? [selection] : [];
      case Kind.INLINE_FRAGMENT:
        return fieldsOf(selection.selectionSet, fragments);
      case Kind.FRAGMENT_SPREAD: {
        const fragment = fragments.get(selection.name.value);
        return fragment ? fieldsOf(fragment.selectionSet, fragments) : [];
      }
    }
  });
}

function valuesOf(read: () => Record<string, unknown>): { readonly idempotencyKey?: string | null } | undefined {
  try {
    return read().input as { idempotencyKey?: string | null };
  } catch {
    return undefined;
  }
}
