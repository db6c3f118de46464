/** A sorted set of Redis: each member has a score. `members` are in the order of their scores, and if these are equal, of their bytes. */
export interface SortedSet {
  readonly scores: Map<string, number>
  readonly members: string[]
}

/** Returns the first place in `members` that is not before this member with this score. */
const placeOf = ({ scores, members }: SortedSet, member: string, score: number): number => {
  let low = 0
  let high = members.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const other = members[middle] ?? ''
    const its = scores.get(other) ?? 0
    if (its < score || (its === score && other < member)) low = middle + 1
    else high = middle
  }
  return low
}

/** Returns whether the set had the member. */
export const removeMember = (set: SortedSet, member: string): boolean => {
  const score = set.scores.get(member)
  if (score === undefined) return false
  set.members.splice(placeOf(set, member, score), 1)
  return set.scores.delete(member)
}

/** Returns whether the member is new. */
export const putMember = (set: SortedSet, member: string, score: number): boolean => {
  const isNew = !removeMember(set, member)
  set.members.splice(placeOf(set, member, score), 0, member)
  set.scores.set(member, score)
  return isNew
}

/** Reads a score, or another number, as Redis writes it. */
export const numberOf = (text: string): number => Number(text.replace('inf', 'Infinity'))

/** Writes a number as Redis does. */
export const numberText = (number: number): string =>
  Number.isFinite(number) ? String(number) : number > 0 ? 'inf' : '-inf'

/** Returns the members from one score to another, which the bounds have as ZRANGEBYSCORE does: `(` excludes the bound itself. */
export const membersByScore = (set: SortedSet | undefined, min: string, max: string): string[] => {
  const [from, to] = [numberOf(min.replace('(', '')), numberOf(max.replace('(', ''))]
  const isWithin = (score: number): boolean =>
    (min.startsWith('(') ? score > from : score >= from) && (max.startsWith('(') ? score < to : score <= to)
  return set?.members.filter((member) => isWithin(set.scores.get(member) ?? 0)) ?? []
}

/** Returns the members of one score from one text to another, which the bounds have as ZRANGEBYLEX does. */
export const membersByText = (set: SortedSet | undefined, min: string, max: string): string[] => {
  const [from, to] = [min.slice(1), max.slice(1)]
  const isWithin = (member: string): boolean =>
    (min === '-' || (min.startsWith('(') ? member > from : member >= from)) &&
    (max === '+' || (max.startsWith('(') ? member < to : member <= to))
  return set?.members.filter(isWithin) ?? []
}
