/**
 * The number of the format of what the engine keeps in Redis. A change that makes earlier rows unreadable raises the number. It stands before
 * the secret of the epochs.
 */
export const FORMAT = 2

/** Returns the text of the key `epochs`. */
export const epochsText = (secret: string): string => `${FORMAT} ${secret}`

/** Says that the data of a Redis have another format. `where` names the Redis. */
export const otherFormat = (where: string): string =>
  `${where} has data of another version of chat-session, and this one can't read them: use that version, another prefix, or another Redis.`
