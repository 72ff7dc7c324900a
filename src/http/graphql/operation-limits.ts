/**
 * The first of two checks of an operation, the same for both transports: checks a document for tokens, depth, aliases,
 * directives, repeated fields and introspection. The cost of an operation also depends on its variables: see
 * `operation-values.ts`.
 */
import {
  GraphQLError,
  Kind,
  NoSchemaIntrospectionCustomRule,
  OperationTypeNode,
  parse,
  validate,
  type ASTNode,
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValidationContext,
  type ValidationRule,
} from 'graphql';
import { countRepeats } from './count-repeats.ts';

export interface OperationLimits {
  readonly maxDepth: number;
  readonly maxAliases: number;
  readonly maxDirectives: number;
  readonly maxFieldRepeats: number;
  readonly maxCost: number;
  /** The maximum cost of a subscription, which incurs its cost again with every event. */
  readonly maxSubscriptionCost: number;
}

/**
 * The number of selections that is always allowed, regardless of `maxCost`: the introspection query of a tool has
 * several hundred selections after expansion.
 */
const SELECTIONS_OF_TOOLS = 1_000;

/** The maximum number of errors reported for a document; validation stops when it is reached. */
export const MAX_VALIDATION_ERRORS = 20;

/** Returns the error for an operation that exceeds a limit, in either of the two checks. */
export const tooLarge = (what: string, limit: number, nodes: ASTNode): GraphQLError =>
  new GraphQLError(`The operation has ${what}; the limit is ${limit}.`, {
    nodes,
    extensions: { code: 'OPERATION_TOO_LARGE' },
  });

/**
 * Creates the validation rules that apply in addition to those of GraphQL. The parser counts tokens; the cost depends
 * on variables and is computed in `operation-values.ts`.
 */
export function createOperationRules(limits: OperationLimits, introspection: boolean): ValidationRule[] {
  const withinLimits: ValidationRule = (context) => {
    const maxSelections = Math.max(limits.maxCost, SELECTIONS_OF_TOOLS);
    /** Counted over all definitions, so that the work of this rule is bounded per document. */
    let selections = 0;
    const measureAll = (definition: OperationDefinitionNode | FragmentDefinitionNode): void => {
      const refuse = (what: string, found: number, limit: number) => {
        if (found > limit) context.reportError(tooLarge(what, limit, definition));
      };
      const size = measure(definition, context);
      refuse('fields that are nested too deeply', size.depth, limits.maxDepth);
      refuse('too many aliases', size.aliases, limits.maxAliases);
      refuse('too many directives', size.directives, limits.maxDirectives);
      const counted = countRepeats(definition.selectionSet, context, {
        ...limits,
        maxSelections: maxSelections - selections,
      });
      selections += counted.selections;
      refuse('the same field too many times', counted.repeats, limits.maxFieldRepeats);
      refuse('too many selections after its fragments are expanded', selections, maxSelections);
    };
    let used: ReadonlySet<string> | undefined;
    return {
      OperationDefinition: measureAll,
      // Fragments that an operation spreads are measured with that operation. Unused ones are validated too, so they
      // are measured here.
      FragmentDefinition(fragment) {
        used ??= new Set(
          context
            .getDocument()
            .definitions.flatMap((other) =>
              other.kind === Kind.OPERATION_DEFINITION
                ? context.getRecursivelyReferencedFragments(other).map(({ name }) => name.value)
                : [],
            ),
        );
        if (!used.has(fragment.name.value)) measureAll(fragment);
      },
    };
  };
  const rules = [withinLimits, unconditionalSubscriptions];
  return introspection ? rules : [...rules, NoSchemaIntrospectionCustomRule];
}

const CONDITIONS: ReadonlySet<string> = new Set(['skip', 'include']);

/**
 * Rejects `@skip` and `@include` at the root of a subscription, as the GraphQL specification of September 2025 does.
 * graphql-js 16 does not reject them: it evaluates them without variables during validation, which throws. It also
 * subscribes to no field at all if the only field is excluded, which throws too.
 */
const unconditionalSubscriptions: ValidationRule = (context) => ({
  OperationDefinition(operation) {
    if (operation.operation !== OperationTypeNode.SUBSCRIPTION) return;
    const seen = new Set<string>();
    const check = ({ selections }: SelectionSetNode): void => {
      for (const selection of selections) {
        for (const directive of selection.directives ?? []) {
          if (!CONDITIONS.has(directive.name.value)) continue;
          context.reportError(
            new GraphQLError(
              `"@${directive.name.value}" is not allowed at the root of a subscription: a subscription has exactly one field.`,
              { nodes: directive },
            ),
          );
        }
        if (selection.kind === Kind.INLINE_FRAGMENT) check(selection.selectionSet);
        if (selection.kind !== Kind.FRAGMENT_SPREAD || seen.has(selection.name.value)) continue;
        seen.add(selection.name.value);
        const fragment = context.getFragment(selection.name.value);
        if (fragment) check(fragment.selectionSet);
      }
    };
    check(operation.selectionSet);
  },
});

/**
 * Returns the errors of a document that exceeds a limit or requests something that is not allowed. Empty if there are
 * none, or if the document cannot be parsed.
 */
export type OperationCheck = (query: string) => readonly GraphQLError[];

/** The maximum number of documents remembered as having passed the check: most clients send the same few. */
const REMEMBERED = 200;

/**
 * Creates the check on its own, to run before GraphQL's own rules. Its time is linear in the size of the document. For
 * a document that it rejects, GraphQL's comparison of the fields would take ten times as long.
 */
export function createOperationCheck(
  schema: GraphQLSchema,
  rules: readonly ValidationRule[],
  maxTokens: number,
): OperationCheck {
  const passed = new Set<string>();
  return (query) => {
    if (passed.has(query)) return [];
    const document = findDocument(query, maxTokens);
    if (!document) return [];
    const errors = validate(schema, document, rules, { maxErrors: MAX_VALIDATION_ERRORS });
    if (errors.length > 0) return errors;
    if (passed.size >= REMEMBERED) passed.delete(passed.values().next().value!);
    passed.add(query);
    return [];
  };
}

function findDocument(query: string, maxTokens: number): DocumentNode | null {
  try {
    return parse(query, { maxTokens });
  } catch {
    // The next parser of the document reports the error.
    return null;
  }
}

interface Size {
  depth: number;
  aliases: number;
  directives: number;
}

function measure(
  { selectionSet, directives = [] }: OperationDefinitionNode | FragmentDefinitionNode,
  context: ValidationContext,
): Size {
  const fragments = new Map<string, Size>();

  const fragmentSize = (name: string): Size => {
    const known = fragments.get(name);
    if (known) return known;
    const size: Size = { depth: 0, aliases: 0, directives: 0 };
    // Stored before it is measured, so that a fragment cycle ends here; the rule against cycles reports it.
    fragments.set(name, size);
    const fragment = context.getFragment(name);
    if (fragment) {
      size.directives += (fragment.directives ?? []).length;
      addSelections(size, fragment.selectionSet, 0);
    }
    return size;
  };

  const addSelections = (size: Size, set: SelectionSetNode, depth: number): void => {
    for (const selection of set.selections) {
      size.directives += (selection.directives ?? []).length;
      switch (selection.kind) {
        case Kind.FIELD:
          size.depth = Math.max(size.depth, depth + 1);
          if (selection.alias) size.aliases += 1;
          if (selection.selectionSet) addSelections(size, selection.selectionSet, depth + 1);
          break;
        case Kind.INLINE_FRAGMENT:
          addSelections(size, selection.selectionSet, depth);
          break;
        case Kind.FRAGMENT_SPREAD: {
          const inner = fragmentSize(selection.name.value);
          size.depth = Math.max(size.depth, depth + inner.depth);
          size.aliases += inner.aliases;
          size.directives += inner.directives;
        }
      }
    }
  };

  const size: Size = { depth: 0, aliases: 0, directives: directives.length };
  addSelections(size, selectionSet, 0);
  return size;
}
