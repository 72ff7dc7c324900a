/** Returns true if PostgreSQL can store the text: its type `text` holds neither NUL nor lone surrogates. */
export const isStorableText = (text: string): boolean => !text.includes('\0') && text.isWellFormed();
