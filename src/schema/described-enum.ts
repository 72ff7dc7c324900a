import { registerEnumType } from 'type-graphql';

/** Registers an enum with the values of a core. A value without a description does not compile. */
export function describedEnum<T extends string>(
  name: string,
  description: string,
  values: readonly T[],
  descriptions: Record<T, string>,
): Record<T, T> {
  const members = Object.fromEntries(values.map((value) => [value, value])) as Record<T, T>;
  const valuesConfig = Object.fromEntries(values.map((value) => [value, { description: descriptions[value] }]));
  registerEnumType(members, {
    name,
    description: `${description} More values may be added: treat an unknown value as a new kind of the same thing.`,
    valuesConfig: valuesConfig as never,
  });
  return members;
}
