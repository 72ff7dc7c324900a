/** PostgreSQL's text holds neither NUL nor lone surrogates. */
export const isStorableText = (text: string): boolean => !text.includes('\0') && text.isWellFormed();
