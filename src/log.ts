/** Structured logging, as every part of the program sees it. */

/** Structured logging: fields first, then a sentence. `error` is for what an operator must look at. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
