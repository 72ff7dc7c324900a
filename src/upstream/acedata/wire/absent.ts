/**
 * Treats empty fields as absent. Form generators and typed clients send every field they know, so a field that is null
 * or empty counts as absent, even if it is unknown. No other types are converted: `"true"` is not a boolean and `"10"`
 * is not a number.
 */
import { z } from 'zod';
import { asObject, type JsonObject } from './json.ts';

/** Null, a blank string, `[]` or `{}`. */
const plainEmpty = z.union([z.null(), z.string().regex(/^\s*$/), z.array(z.unknown()).max(0), z.strictObject({})]);

/** An empty value as above, or an object in which every field is one. */
export const emptyValue = z.union([plainEmpty, z.object({}).catchall(plainEmpty)]);

const isEmpty = (value: unknown): boolean => emptyValue.safeParse(value).success;

const without = (value: JsonObject, isNothing: (member: unknown) => boolean): JsonObject =>
  Object.fromEntries(Object.entries(value).filter(([, member]) => !isNothing(member)));

/**
 * Returns the body without its empty fields, and its objects without theirs. Returns a value that is not an object
 * unchanged.
 */
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
 * Returns the fields of a schema as they may be sent: optional ones may also be empty. For API descriptions; the parser
 * removes empty fields first.
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
