/**
 * The admission gate for operations, the same on both transports: tokens, depth, aliases, directives, repeated fields and
 * introspection. One pass, linear in the document: a fragment is measured once however often it is spread.
 */
import {
  GraphQLError,
  Kind,
  NoSchemaIntrospectionCustomRule,
  type FragmentDefinitionNode,
  type SelectionSetNode,
  type ValidationContext,
  type ValidationRule,
} from 'graphql';

export interface OperationLimits {
  readonly maxDepth: number;
  readonly maxAliases: number;
  readonly maxDirectives: number;
  readonly maxFieldRepeats: number;
}

/** The rules to validate with, beside those of GraphQL itself. Tokens are counted by the parser. */
export function createOperationRules(limits: OperationLimits, introspection: boolean): ValidationRule[] {
  const gate: ValidationRule = (context) => ({
    OperationDefinition(operation) {
      const size = measure(operation.selectionSet, (operation.directives ?? []).length, context);
      const refuse = (what: string, found: number, limit: number) => {
        if (found <= limit) return;
        const message = `The operation has ${what}; the limit is ${limit}.`;
        context.reportError(new GraphQLError(message, { nodes: operation, extensions: { code: 'OPERATION_TOO_LARGE' } }));
      };
      refuse('fields nested too deep', size.depth, limits.maxDepth);
      refuse('too many aliases', size.aliases, limits.maxAliases);
      refuse('too many directives', size.directives, limits.maxDirectives);
      refuse('the same field too many times', Math.max(0, ...size.fields.values()), limits.maxFieldRepeats);
    },
  });
  return introspection ? [gate] : [gate, NoSchemaIntrospectionCustomRule];
}

/** The schema describes itself with the same few fields over and over; every tool asks so. Its depth counts all the same. */
const isCounted = (fieldOrType: string): boolean => fieldOrType === '__typename' || !fieldOrType.startsWith('__');

interface Size {
  depth: number;
  aliases: number;
  directives: number;
  /** How often each field name occurs. */
  readonly fields: Map<string, number>;
}

function measure(selectionSet: SelectionSetNode, directives: number, context: ValidationContext): Size {
  const fragments = new Map<string, Size>();

  const fragmentSize = (name: string): Size => {
    const known = fragments.get(name);
    if (known) return known;
    const size: Size = { depth: 0, aliases: 0, directives: 0, fields: new Map() };
    // Stored before it is measured, so that a circle ends here; the rule against circles reports it.
    fragments.set(name, size);
    const fragment: FragmentDefinitionNode | null | undefined = context.getFragment(name);
    if (fragment) {
      size.directives += (fragment.directives ?? []).length;
      addSelections(size, fragment.selectionSet, 0, isCounted(fragment.typeCondition.name.value));
    }
    return size;
  };

  const addSelections = (size: Size, set: SelectionSetNode, depth: number, counted: boolean): void => {
    for (const selection of set.selections) {
      size.directives += (selection.directives ?? []).length;
      switch (selection.kind) {
        case Kind.FIELD:
          size.depth = Math.max(size.depth, depth + 1);
          if (selection.alias) size.aliases += 1;
          if (counted) size.fields.set(selection.name.value, (size.fields.get(selection.name.value) ?? 0) + 1);
          if (selection.selectionSet) addSelections(size, selection.selectionSet, depth + 1, counted && isCounted(selection.name.value));
          break;
        case Kind.INLINE_FRAGMENT:
          addSelections(size, selection.selectionSet, depth, counted);
          break;
        case Kind.FRAGMENT_SPREAD: {
          const inner = fragmentSize(selection.name.value);
          size.depth = Math.max(size.depth, depth + inner.depth);
          size.aliases += inner.aliases;
          size.directives += inner.directives;
          for (const [field, count] of [...inner.fields]) size.fields.set(field, (size.fields.get(field) ?? 0) + count);
        }
      }
    }
  };

  const size: Size = { depth: 0, aliases: 0, directives, fields: new Map() };
  addSelections(size, selectionSet, 0, true);
  return size;
}
