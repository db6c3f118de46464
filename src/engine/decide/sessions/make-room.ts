import { engineRules } from '../../rules.js'

/** What decides which of a user's sessions ends first. Starts, detachments and hidings are numbered in one sequence. */
export type Ranked = Readonly<
  Partial<Record<(typeof engineRules.makesRoom)[number], number | null | undefined>>
>

/** Returns the sessions that have to end so that a user has at most `limit`, in the order of `engineRules.makesRoom`. */
export const sessionsBeyond = <Session extends Ranked>(
  sessions: readonly Session[],
  limit: number,
): Session[] => {
  if (sessions.length <= limit) return []
  const { makesRoom } = engineRules
  const ranked = sessions.map((session): [group: number, number: number, Session] => {
    const group = makesRoom.findIndex((field) => (session[field] ?? null) !== null)
    return [group, session[makesRoom[group] ?? 'number'] ?? 0, session]
  })
  ranked.sort(([groupA, a], [groupB, b]) => (groupA === groupB ? a - b : groupA - groupB))
  return ranked.slice(0, sessions.length - Math.max(limit, 0)).map(([, , session]) => session)
}
