/** The times in the examples. An answer has the time of its call. */
const isTime = (value: unknown): boolean => typeof value === 'number' && value > 1.7e12

/** Whether `actual` is as an example of the documentation shows it, where `…` stands for any non-empty text or number. */
export const matches = (shown: unknown, actual: unknown): boolean => {
  if (shown === '…') return typeof actual === 'number' || (typeof actual === 'string' && actual !== '')
  if (isTime(shown)) return isTime(actual)
  if (typeof shown !== 'object' || shown === null) return shown === actual
  const entries = Object.entries(shown)
  return (
    entries.length === Object.keys(actual as object).length &&
    entries.every(([key, value]) => matches(value, (actual as Record<string, unknown>)[key]))
  )
}
