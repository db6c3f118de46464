/**
 * Returns the path to the first number of a value that `parseExact` made Infinity, because it would be stored as another number; undefined
 * if there is none.
 */
export const pathOfInexact = (value: unknown): (string | number)[] | undefined => {
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : []
  if (typeof value !== 'object' || value === null) return undefined
  for (const key of Object.keys(value)) {
    const path = pathOfInexact((value as Record<string, unknown>)[key])
    if (path) return [Array.isArray(value) ? Number(key) : key, ...path]
  }
  return undefined
}

export const INEXACT_PROBLEM = 'is a number that would be read back as another one: send it as a text.'
