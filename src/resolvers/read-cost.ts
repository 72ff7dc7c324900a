/** The cost of a field that needs its own database read, relative to a field that does not. */
export const READ_COST = 10;
