/** The range of accepted times: the years 1 to 9999, which PostgreSQL and RFC 3339 have in common. */

export const isStorableTime = (time: Date): boolean => time.getUTCFullYear() >= 1 && time.getUTCFullYear() <= 9999;

export const lastStorableTime = new Date('9999-12-31T23:59:59Z');

/** The error message for any other time. */
export const storableTimes = 'Times must be in the years 1 to 9999.';
