/** The interface for structured logging that the whole program uses. */

/** Structured logging: fields first, then a sentence. `error` is for events that need an operator's attention. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}
