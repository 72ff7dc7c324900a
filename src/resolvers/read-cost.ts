/** What a field costs that is read from the database for itself, in fields that are not. */
export const READ_COST = 10;
