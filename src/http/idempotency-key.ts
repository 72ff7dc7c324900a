/** Reading the `Idempotency-Key` header. */

interface IdempotencyKey {
  readonly key: string;
  /** The header as it was sent, where `key` is not the same: what 0.4.0 and earlier took for the key. */
  readonly formerKey: string | null;
}

const QUOTED = /^[ \t]*"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"[ \t]*$/;

/** A string of RFC 8941, `"k"`, is the key inside its quotes; every other value is the key itself. */
export function readIdempotencyKey(header: string): IdempotencyKey {
  const [, quoted] = QUOTED.exec(header) ?? [];
  return quoted === undefined
    ? { key: header, formerKey: null }
    : { key: quoted.replace(/\\(.)/g, '$1'), formerKey: header };
}
