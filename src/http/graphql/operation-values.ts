/**
 * The second of two checks of an operation, the same for both transports: checks an operation together with the values
 * of its variables. Every value that graphql-js coerces during execution (variables, arguments, the conditions of
 * `@skip` and `@include`) is coerced here first, by the same functions of graphql-js. Invalid input is therefore
 * reported as `BAD_USER_INPUT` before any field is executed, and a coercion error that is raised during execution is a
 * fault of the gateway. The traversal is linear in the size of the document, because the cost of a fragment is
 * memoized.
 */
import {
  getArgumentValues,
  getDirectiveValues,
  getNamedType,
  getVariableValues,
  GraphQLError,
  GraphQLIncludeDirective,
  GraphQLSkipDirective,
  isInterfaceType,
  isObjectType,
  Kind,
  OperationTypeNode,
  SchemaMetaFieldDef,
  TypeMetaFieldDef,
  TypeNameMetaFieldDef,
  type ASTNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';
import { READ_COST } from '../../resolvers/read-cost.ts';
import { explainArgument, explainVariable } from './explain-value.ts';
import { MAX_MESSAGE_LENGTH } from './mask-errors.ts';
import { MAX_VALIDATION_ERRORS, tooLarge, type OperationLimits } from './operation-limits.ts';

/** Returns the errors of a valid operation with these values of its variables; empty if it may be executed. */
export type ValueCheck = (
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: unknown,
) => readonly GraphQLError[];

export function createValueCheck(
  schema: GraphQLSchema,
  limits: Pick<OperationLimits, 'maxCost' | 'maxSubscriptionCost'>,
): ValueCheck {
  return (document, operation, variables) => {
    const given = (variables ?? {}) as Record<string, unknown>;
    const { coerced, errors } = getVariableValues(schema, operation.variableDefinitions ?? [], given, {
      maxErrors: MAX_VALIDATION_ERRORS,
    });
    if (errors) return explainAll(schema, errors.slice(0, MAX_VALIDATION_ERRORS), given).map(asBadInput);
    const measured = measure(schema, document, operation, coerced);
    if (measured.errors.length > 0) return measured.errors;
    const limit = operation.operation === OperationTypeNode.SUBSCRIPTION ? limits.maxSubscriptionCost : limits.maxCost;
    return measured.cost > limit
      ? [
          tooLarge(
            `too many fields to answer (cost ${measured.cost}; request shorter lists or fewer fields)`,
            limit,
            operation,
          ),
        ]
      : [];
  };
}

/**
 * Replaces messages that are too long. graphql-js prints a long value twice, so that its message would be truncated
 * before the part that says where the value is.
 */
function explainAll(
  schema: GraphQLSchema,
  errors: readonly GraphQLError[],
  given: Values,
): readonly Pick<GraphQLError, 'message' | 'nodes'>[] {
  const explained = new Map<ASTNode, string[]>();
  const counts = new Map<ASTNode, number>();
  return errors.map((error) => {
    const definition = error.nodes?.[0];
    if (definition?.kind !== Kind.VARIABLE_DEFINITION) return error;
    const index = counts.get(definition) ?? 0;
    counts.set(definition, index + 1);
    if (error.message.length <= MAX_MESSAGE_LENGTH) return error;
    const messages =
      explained.get(definition) ??
      explainVariable(schema, definition, given[definition.variable.name.value], MAX_VALIDATION_ERRORS);
    explained.set(definition, messages);
    return { message: messages[index] ?? error.message, nodes: error.nodes };
  });
}

/** Drops the original error: its message does not contain the path of the value. */
const asBadInput = ({ message, nodes }: Pick<GraphQLError, 'message' | 'nodes'>): GraphQLError =>
  new GraphQLError(message, { nodes: nodes ?? null, extensions: { code: 'BAD_USER_INPUT' } });

type Values = Readonly<Record<string, unknown>>;
type AnyField = GraphQLField<unknown, unknown>;

interface Measured {
  /**
   * The number of fields in the response, with lists at their requested length. A field that needs a read of its own
   * counts its `complexity`.
   */
  readonly cost: number;
  readonly errors: readonly GraphQLError[];
}

function measure(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Values,
): Measured {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions)
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  const costs = new Map<string, number>();
  const errors: GraphQLError[] = [];

  /** Returns the result of `coerce`; collects its error and returns undefined if it throws. */
  function attempt<T>(coerce: () => T, explain: (error: GraphQLError) => string | null = () => null): T | undefined {
    try {
      return coerce();
    } catch (error) {
      if (!(error instanceof GraphQLError)) throw error;
      errors.push(asBadInput({ message: explain(error) ?? error.message, nodes: error.nodes }));
      return undefined;
    }
  }

  const isIncluded = (node: SelectionNode): boolean =>
    node.directives === undefined ||
    node.directives.length === 0 ||
    attempt(
      () =>
        getDirectiveValues(GraphQLSkipDirective, node, variables)?.if !== true &&
        getDirectiveValues(GraphQLIncludeDirective, node, variables)?.if !== false,
    ) === true;

  function costOfFragment(name: string): number {
    const known = costs.get(name);
    if (known !== undefined) return known;
    costs.set(name, 0);
    const fragment = fragments.get(name);
    const cost = fragment ? costOfSet(fragment.selectionSet, schema.getType(fragment.typeCondition.name.value)) : 0;
    costs.set(name, cost);
    return cost;
  }

  function costOfField(node: FieldNode, type: GraphQLNamedType | undefined): number {
    const field = fieldOf(schema, type, node.name.value);
    if (!field) return 0;
    const values = attempt(
      () => getArgumentValues(field, node, variables),
      (error) => explainArgument(error, field.args, node.arguments ?? [], variables),
    );
    if (!values) return 0;
    const below = node.selectionSet ? costOfSet(node.selectionSet, getNamedType(field.type)) : 0;
    return priceOf(schema, type, field, node) + lengthOf(values) * below;
  }

  function costOfSet(set: SelectionSetNode, type: GraphQLNamedType | undefined): number {
    let cost = 0;
    for (const selection of set.selections) {
      if (errors.length >= MAX_VALIDATION_ERRORS) break;
      if (!isIncluded(selection)) continue;
      if (selection.kind === Kind.FIELD) cost += costOfField(selection, type);
      else if (selection.kind === Kind.FRAGMENT_SPREAD) cost += costOfFragment(selection.name.value);
      else
        cost += costOfSet(
          selection.selectionSet,
          selection.typeCondition ? schema.getType(selection.typeCondition.name.value) : type,
        );
    }
    return cost;
  }

  return { cost: costOfSet(operation.selectionSet, schema.getRootType(operation.operation) ?? undefined), errors };
}

/** Returns the maximum number of items that a list field returns. */
const lengthOf = ({ first }: Values): number => (typeof first === 'number' ? Math.max(1, first) : 1);

/**
 * Returns the cost of a field. A root field of a query or mutation costs one read; other fields declare their own
 * `complexity`. `__typename` without an alias, which client libraries add, is free.
 */
function priceOf(schema: GraphQLSchema, type: GraphQLNamedType | undefined, field: AnyField, node: FieldNode): number {
  if (type?.name.startsWith('__')) return 0;
  if (field === TypeNameMetaFieldDef) return node.alias ? 1 : 0;
  if (field === SchemaMetaFieldDef || field === TypeMetaFieldDef) return 1;
  const isRoot = type === schema.getQueryType() || type === schema.getMutationType();
  return Number(field.extensions.complexity ?? (isRoot ? READ_COST : 1));
}

function fieldOf(schema: GraphQLSchema, type: GraphQLNamedType | undefined, name: string): AnyField | undefined {
  if (name === TypeNameMetaFieldDef.name) return TypeNameMetaFieldDef;
  if (type === schema.getQueryType() && name === SchemaMetaFieldDef.name) return SchemaMetaFieldDef;
  if (type === schema.getQueryType() && name === TypeMetaFieldDef.name) return TypeMetaFieldDef;
  return isObjectType(type) || isInterfaceType(type) ? type.getFields()[name] : undefined;
}
