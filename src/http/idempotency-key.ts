/** Reads the `Idempotency-Key` header. */

interface IdempotencyKey {
  readonly key: string;
  /** The header as it was sent, which 0.4.0 and earlier used as the key; null if it equals `key`. */
  readonly formerKey: string | null;
}

const QUOTED = /^[ \t]*"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"[ \t]*$/;

/** Returns the key: the text inside the quotes of an RFC 8941 string, such as `"k"`, and any other value as it is. */
export function readIdempotencyKey(header: string): IdempotencyKey {
  const [, quoted] = QUOTED.exec(header) ?? [];
  return quoted === undefined
    ? { key: header, formerKey: null }
    : { key: quoted.replace(/\\(.)/g, '$1'), formerKey: header };
}
