import type { SessionEntry } from './session-row.js'

/** Returns the sessions of a user beyond `limit`: the longest detached, then the longest hidden, then the oldest. */
export const sessionsBeyond = (entries: readonly SessionEntry[], limit: number): SessionEntry[] => {
  if (entries.length <= limit) return []
  const ranked = entries.map((entry): [group: number, number: number, SessionEntry] => {
    const { detached, hiddenSince, number } = entry.session
    if (detached !== null) return [0, detached, entry]
    return hiddenSince === null ? [2, number, entry] : [1, hiddenSince, entry]
  })
  ranked.sort(([groupA, a], [groupB, b]) => groupA - groupB || a - b)
  return ranked.slice(0, entries.length - Math.max(limit, 0)).map(([, , entry]) => entry)
}
