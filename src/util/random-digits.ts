import { randomUUID } from 'node:crypto'

const DIGITS = 12

/**
 * Returns 12 random hexadecimal digits, which are 48 bits. They come from a UUID, for which Node keeps random bytes ready: `randomBytes`
 * takes 20 times as long.
 */
export const randomDigits = (): string => randomUUID().slice(-DIGITS)
