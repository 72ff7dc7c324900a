/**
 * Empty fields. Form generators and typed clients send every field they know, so a field that is null or empty counts
 * as absent, known or not. Types are not converted otherwise: `"true"` is not a boolean and `"10"` is not a number.
 */
import { z } from 'zod';
import { asObject, type JsonObject } from './json.ts';

/** Null, a blank string, `[]` or `{}`. */
const plainEmpty = z.union([z.null(), z.string().regex(/^\s*$/), z.array(z.unknown()).max(0), z.strictObject({})]);

/** The same, or an object in which every field is so. */
export const emptyValue = z.union([plainEmpty, z.object({}).catchall(plainEmpty)]);

const isEmpty = (value: unknown): boolean => emptyValue.safeParse(value).success;

const without = (value: JsonObject, isNothing: (member: unknown) => boolean): JsonObject =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => !isNothing(member)));

/** The body without its empty fields, and its objects without theirs; what is no object is returned as it is. */
export function withoutEmpty(value: unknown): unknown {
  const body = asObject(value);
  if (body === null) return value;
  const said = Object.entries(without(body, isEmpty)).map(([name, member]): [string, unknown] => {
    const inner = asObject(member);
    return [name, inner === null ? member : without(inner, (part) => plainEmpty.safeParse(part).success)];
  });
  return Object.fromEntries(said);
}

/**
 * How the fields of a schema may be sent: optional ones also empty. For API descriptions; the parser removes the empty
 * ones first.
 */
export function orEmpty<T extends z.ZodRawShape>(shape: T, required: readonly (keyof T & string)[]): z.ZodRawShape {
  return Object.fromEntries(
    Object.entries(shape).map(([name, field]) => {
      if (required.includes(name)) return [name, field];
      const { description } = z.toJSONSchema(field as z.ZodType, { io: 'input' });
      return [
        name,
        z
          .union([field as z.ZodType, emptyValue])
          .optional()
          .meta(description === undefined ? {} : { description }),
      ];
    }),
  );
}
