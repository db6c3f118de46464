/**
 * The number of the format of what the engine keeps in Redis. A change that makes earlier rows unreadable raises the number. It stands before
 * the secret of the epochs.
 */
export const FORMAT = 2

/** Returns the text of the key `epochs`. */
export const epochsText = (secret: string): string => `${FORMAT} ${secret}`
