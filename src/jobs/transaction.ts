declare const opened: unique symbol;

/** An open transaction. Opaque: only the store that made it can look inside. */
export interface Transaction {
  readonly [opened]: true;
}
