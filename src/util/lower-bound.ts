/**
 * Searches the whole numbers from `from` up to, but not including, `to`. Returns the first one for which `isBefore` returns false, or `to`
 * if there is none. `isBefore` must return false for all later numbers, too. The nearer the result is to `from`, the fewer calls of
 * `isBefore` the search takes.
 */
export const lowerBound = (from: number, to: number, isBefore: (at: number) => boolean): number => {
  let low = from
  let high = from
  for (let step = 1; high < to && isBefore(high); step *= 2) {
    low = high + 1
    high += step
  }
  high = Math.min(high, to)
  while (low < high) {
    const middle = low + Math.floor((high - low) / 2)
    if (isBefore(middle)) low = middle + 1
    else high = middle
  }
  return Math.max(low, high)
}
