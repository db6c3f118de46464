import type { Session } from './session-row.js'

/** Returns the sessions of a user beyond `limit`: the longest detached, then the longest hidden, then the oldest. */
export const sessionsBeyond = (sessions: readonly Session[], limit: number): Session[] => {
  if (sessions.length <= limit) return []
  const ranked = sessions.map((session): [group: number, number: number, Session] => {
    const { detached, hiddenSince, number } = session
    if (detached !== null) return [0, detached, session]
    return hiddenSince === null ? [2, number, session] : [1, hiddenSince, session]
  })
  ranked.sort(([groupA, a], [groupB, b]) => groupA - groupB || a - b)
  return ranked.slice(0, sessions.length - Math.max(limit, 0)).map(([, , session]) => session)
}
