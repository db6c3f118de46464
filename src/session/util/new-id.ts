/** Returns an id of 128 random bits. */
export const newId = (): string => crypto.getRandomValues(new BigUint64Array(2)).join('-')
