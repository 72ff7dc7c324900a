/**
 * Names the invalid part of a value, where the message of graphql-js names the whole value or is truncated before the
 * name.
 */
import {
  coerceInputValue,
  isInputObjectType,
  isInputType,
  isListType,
  isNonNullType,
  Kind,
  typeFromAST,
  type GraphQLArgument,
  type GraphQLError,
  type GraphQLInputType,
  type GraphQLSchema,
  type ValueNode,
  type VariableDefinitionNode,
} from 'graphql';

type Values = Readonly<Record<string, unknown>>;

/**
 * Returns one message for each of the first `most` errors in the value of a variable, in the order of
 * `getVariableValues`. Unlike the messages of graphql-js, they do not print the value before the path.
 */
export function explainVariable(
  schema: GraphQLSchema,
  { variable, type: typeNode }: VariableDefinitionNode,
  value: unknown,
  most: number,
): string[] {
  const name = variable.name.value;
  const type = typeFromAST(schema, typeNode);
  const messages: string[] = [];
  if (!isInputType(type)) return messages;
  // Coercion continues after an error unless the callback throws; a long list of invalid values would take too long.
  const enough = new Error('enough errors');
  try {
    coerceInputValue(value, type, (path, _value, { message }) => {
      const place = path.map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`)).join('');
      messages.push(`Variable "$${name}" got invalid value at "${name}${place}"; ${message}`);
      if (messages.length >= most) throw enough;
    });
  } catch (error) {
    if (error !== enough) throw error;
  }
  return messages;
}

type GivenArguments = readonly { readonly name: { readonly value: string }; readonly value: ValueNode }[];

/**
 * Returns the message for an argument whose literal contains a null or missing variable where a value is required. Null
 * if the message of graphql-js is already precise.
 */
export function explainArgument(
  { nodes }: GraphQLError,
  args: readonly GraphQLArgument[],
  given: GivenArguments,
  variables: Values,
): string | null {
  const argument = given.find(({ value }) => nodes?.[0] === value);
  const type = args.find(({ name }) => name === argument?.name.value)?.type;
  if (!argument || !type || argument.value.kind === Kind.VARIABLE) return null;
  const misfit = findMisfit(argument.value, type, argument.name.value, variables);
  return misfit === null ? null : `Argument "${argument.name.value}" has invalid value: ${misfit}`;
}

function findMisfit(node: ValueNode, type: GraphQLInputType, path: string, variables: Values): string | null {
  if (node.kind === Kind.VARIABLE) {
    const value = variables[node.name.value];
    if (value != null || !isNonNullType(type)) return null;
    return `"${path}" of non-null type "${type.toString()}" must not be null, but the variable "$${node.name.value}" is ${value === null ? 'null' : 'not provided'}.`;
  }
  if (isNonNullType(type)) return findMisfit(node, type.ofType, path, variables);
  if (isListType(type)) {
    if (node.kind !== Kind.LIST) return findMisfit(node, type.ofType, path, variables);
    return firstOf(node.values, (item, index) => findMisfit(item, type.ofType, `${path}.${index}`, variables));
  }
  if (!isInputObjectType(type) || node.kind !== Kind.OBJECT) return null;
  const fields = type.getFields();
  return firstOf(node.fields, ({ name, value }) => {
    const field = fields[name.value];
    // The default of the field applies if the variable has no value.
    const isAbsent =
      value.kind === Kind.VARIABLE && variables[value.name.value] === undefined && field?.defaultValue !== undefined;
    return !field || isAbsent ? null : findMisfit(value, field.type, `${path}.${name.value}`, variables);
  });
}

function firstOf<T>(items: readonly T[], find: (item: T, index: number) => string | null): string | null {
  for (const [index, item] of items.entries()) {
    const found = find(item, index);
    if (found !== null) return found;
  }
  return null;
}
