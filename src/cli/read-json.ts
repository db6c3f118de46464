import { object, parseJson } from '../protocol/internal.js'

/** Returns the members of a JSON object; none for any other text. */
export const readJson = (text: string): Record<string, unknown> => {
  try {
    const value = parseJson(text)
    return object(value) ? value : {}
  } catch {
    return {}
  }
}
