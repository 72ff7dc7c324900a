/**
 * The admission gate for operations, the same on both transports: tokens, depth, aliases, directives, repeated fields, cost and
 * introspection. One pass, linear in the document: a fragment is measured once however often it is spread.
 */
import {
  getNamedType,
  GraphQLError,
  isInterfaceType,
  isObjectType,
  Kind,
  NoSchemaIntrospectionCustomRule,
  OperationTypeNode,
  parse,
  validate,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionSetNode,
  type ValidationContext,
  type ValidationRule,
} from 'graphql';
import { READ_COST } from '../resolvers/read-cost.ts';

export interface OperationLimits {
  readonly maxDepth: number;
  readonly maxAliases: number;
  readonly maxDirectives: number;
  readonly maxFieldRepeats: number;
  readonly maxCost: number;
  /** The same for a subscription, which costs it again with every event. */
  readonly maxSubscriptionCost: number;
}

/** What is wrong with a document is told up to this often; then validating ends. */
export const MAX_VALIDATION_ERRORS = 20;

/** The rules to validate with, beside those of GraphQL itself. Tokens are counted by the parser. */
export function createOperationRules(limits: OperationLimits, introspection: boolean): ValidationRule[] {
  const gate: ValidationRule = (context) => {
    const schema = context.getSchema();
    const measureAll = (definition: OperationDefinitionNode | FragmentDefinitionNode, on: GraphQLNamedType | null | undefined, maxCost: number): void => {
      const size = measure(definition, on, context);
      const refuse = (what: string, found: number, limit: number) => {
        if (found <= limit) return;
        const message = `The operation has ${what}; the limit is ${limit}.`;
        context.reportError(new GraphQLError(message, { nodes: definition, extensions: { code: 'OPERATION_TOO_LARGE' } }));
      };
      refuse('fields nested too deep', size.depth, limits.maxDepth);
      refuse('too many aliases', size.aliases, limits.maxAliases);
      refuse('too many directives', size.directives, limits.maxDirectives);
      refuse('too many fields to answer', size.cost, maxCost);
      refuse('the same field too many times', Math.max(0, ...size.fields.values()), limits.maxFieldRepeats);
    };
    let used: ReadonlySet<string> | undefined;
    return {
      OperationDefinition: (operation) =>
        measureAll(operation, schema.getRootType(operation.operation), operation.operation === OperationTypeNode.SUBSCRIPTION ? limits.maxSubscriptionCost : limits.maxCost),
      // Those that operations spread are measured there; the others are validated all the same.
      FragmentDefinition(fragment) {
        used ??= new Set(context.getDocument().definitions.flatMap((other) => (other.kind === Kind.OPERATION_DEFINITION ? context.getRecursivelyReferencedFragments(other).map(({ name }) => name.value) : [])));
        if (!used.has(fragment.name.value)) measureAll(fragment, schema.getType(fragment.typeCondition.name.value), limits.maxCost);
      },
    };
  };
  return introspection ? [gate] : [gate, NoSchemaIntrospectionCustomRule];
}

/** The schema describes itself with the same few fields over and over; every tool asks so. Its depth counts all the same. */
const isCounted = (fieldOrType: string): boolean => fieldOrType === '__typename' || !fieldOrType.startsWith('__');

/** What is wrong with an operation's size, or with what it asks for; empty when nothing is, or when it is not GraphQL at all. */
export type Gate = (query: string) => readonly GraphQLError[];

/** Texts that have passed: most clients send the same few. */
const REMEMBERED = 200;

/**
 * The gate by itself, for before GraphQL's own rules: it takes time in proportion to the document, where comparing the fields of one that it
 * would refuse takes ten times as long.
 */
export function createGate(schema: GraphQLSchema, rules: readonly ValidationRule[], maxTokens: number): Gate {
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
    // Whoever parses it next says why.
    return null;
  }
}

interface Size {
  depth: number;
  aliases: number;
  directives: number;
  /** Fields of the answer, lists at the length that is asked for; those that are read from the database for themselves at their price. */
  cost: number;
  /** How often each field name occurs. */
  readonly fields: Map<string, number>;
}

/** What a list is taken for whose length a variable says: the most that most lists give. */
const UNKNOWN_LENGTH = 100;

/** A field of a query or a mutation is a read or more; those further down name their own `complexity`. */
function costOf(type: GraphQLNamedType | null | undefined, field: AnyField | undefined, schema: GraphQLSchema): number {
  if (!field) return 1;
  const isRoot = type === schema.getQueryType() || type === schema.getMutationType();
  return Number(field.extensions.complexity ?? (isRoot ? READ_COST : 1));
}

/** How many of what is selected below a field come in the answer. */
function lengthOf({ arguments: given = [] }: FieldNode, field: AnyField | undefined): number {
  const first = given.find((argument) => argument.name.value === 'first')?.value;
  if (first === undefined) return Number(field?.args.find(({ name }) => name === 'first')?.defaultValue ?? 1);
  return first.kind === Kind.INT ? Math.max(1, Number(first.value)) : UNKNOWN_LENGTH;
}

type AnyField = GraphQLField<unknown, unknown>;

/** Undefined for what the type does not have; GraphQL's own rules say so. */
const fieldOf = (type: GraphQLNamedType | null | undefined, name: string): AnyField | undefined => (isObjectType(type) || isInterfaceType(type) ? type.getFields()[name] : undefined);

function measure({ selectionSet, directives = [] }: OperationDefinitionNode | FragmentDefinitionNode, on: GraphQLNamedType | null | undefined, context: ValidationContext): Size {
  const schema = context.getSchema();
  const fragments = new Map<string, Size>();

  const fragmentSize = (name: string): Size => {
    const known = fragments.get(name);
    if (known) return known;
    const size: Size = { depth: 0, aliases: 0, directives: 0, cost: 0, fields: new Map() };
    // Stored before it is measured, so that a circle ends here; the rule against circles reports it.
    fragments.set(name, size);
    const fragment: FragmentDefinitionNode | null | undefined = context.getFragment(name);
    if (fragment) {
      size.directives += (fragment.directives ?? []).length;
      addSelections(size, fragment.selectionSet, schema.getType(fragment.typeCondition.name.value), 0, isCounted(fragment.typeCondition.name.value), 1);
    }
    return size;
  };

  const addSelections = (size: Size, set: SelectionSetNode, type: GraphQLNamedType | null | undefined, depth: number, counted: boolean, times: number): void => {
    for (const selection of set.selections) {
      size.directives += (selection.directives ?? []).length;
      switch (selection.kind) {
        case Kind.FIELD: {
          const field = fieldOf(type, selection.name.value);
          size.depth = Math.max(size.depth, depth + 1);
          if (selection.alias) size.aliases += 1;
          if (counted) size.fields.set(selection.name.value, (size.fields.get(selection.name.value) ?? 0) + 1);
          if (counted) size.cost += times * costOf(type, field, schema);
          if (selection.selectionSet) addSelections(size, selection.selectionSet, getNamedType(field?.type), depth + 1, counted && isCounted(selection.name.value), times * lengthOf(selection, field));
          break;
        }
        case Kind.INLINE_FRAGMENT:
          addSelections(size, selection.selectionSet, selection.typeCondition ? schema.getType(selection.typeCondition.name.value) : type, depth, counted, times);
          break;
        case Kind.FRAGMENT_SPREAD: {
          const inner = fragmentSize(selection.name.value);
          size.depth = Math.max(size.depth, depth + inner.depth);
          size.aliases += inner.aliases;
          size.directives += inner.directives;
          size.cost += times * inner.cost;
          for (const [field, count] of [...inner.fields]) size.fields.set(field, (size.fields.get(field) ?? 0) + count);
        }
      }
    }
  };

  const size: Size = { depth: 0, aliases: 0, directives: directives.length, cost: 0, fields: new Map() };
  addSelections(size, selectionSet, on, 0, isCounted(on?.name ?? ''), 1);
  return size;
}
