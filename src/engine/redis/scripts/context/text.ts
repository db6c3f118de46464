import { script } from './context.js'

const MAX_TEXT = 4096
/** The texts of small numbers, and that of the time, which the scripts of one call share. To find a text here is faster than to make it. */
const texts: Partial<Record<number, string>> = {}
let timeOfText: number | undefined
let textOfTime = ''

/** Returns a whole number as text. Scripts pass texts to Redis, because Redis takes longer to convert a number. */
export const whole = (number: number): string => {
  if (number === timeOfText) return textOfTime
  const known = texts[number]
  if (known !== undefined) return known
  const made = string.format('%d', number)
  if (number >= 0 && number <= MAX_TEXT && number % 1 === 0) texts[number] = made
  if (number === script.now) {
    timeOfText = number
    textOfTime = made
  }
  return made
}

/** Returns JSON. */
export const json = (value: unknown): string => cjson.encode(value)

/** Returns an argument as a text; undefined if it is empty. */
export const optional = <T extends string>(arg: T): Exclude<T, ''> | undefined =>
  arg === '' ? undefined : (arg as Exclude<T, ''>)
