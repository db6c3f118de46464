import { engineRules } from '../../rules.js'
import type { Session } from './session-row.js'

/** Returns the sessions of a user beyond `limit`, in the order of `engineRules.makesRoom`. */
export const sessionsBeyond = (sessions: readonly Session[], limit: number): Session[] => {
  if (sessions.length <= limit) return []
  const { makesRoom } = engineRules
  const ranked = sessions.map((session): [group: number, number: number, Session] => {
    const group = makesRoom.findIndex((field) => session[field] !== null)
    return [group, session[makesRoom[group] ?? 'number'] ?? 0, session]
  })
  ranked.sort(([groupA, a], [groupB, b]) => groupA - groupB || a - b)
  return ranked.slice(0, sessions.length - Math.max(limit, 0)).map(([, , session]) => session)
}
