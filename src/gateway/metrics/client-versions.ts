/** How many versions have a label of their own. Clients send any text, and each label costs memory here and in Prometheus. */
const MAX_VERSIONS = 50

const PATTERN = /^[\w@.-]{1,24}(\/[\w@.-]{1,24}){0,2}$/

/** Returns the label for the `client` that a start names. */
export const clientVersion = (client: string | null): string => {
  if (client === null) return 'unknown'
  return PATTERN.test(client) ? client : 'other'
}

/**
 * Counts sessions by the labels of their clients. The 50 labels with the most sessions keep their counts, and the others are counted as
 * `other`. So made-up names do not displace versions that people use.
 */
export const countVersions = (versions: Iterable<string>): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  for (const version of versions) counts.set(version, (counts.get(version) ?? 0) + 1)
  const fixed = ['unknown', 'other']
  const ranked = [...counts].filter(([version]) => !fixed.includes(version))
  // If two labels have equally many sessions, the first in the alphabet is kept, so that the labels don't change from scrape to scrape.
  ranked.sort(([one, ones], [other, others]) => others - ones || (one < other ? -1 : 1))
  const most = new Map(ranked.slice(0, MAX_VERSIONS))
  for (const version of fixed) if (counts.has(version)) most.set(version, counts.get(version) ?? 0)
  const rest = ranked.slice(MAX_VERSIONS).reduce((sum, [, count]) => sum + count, 0)
  if (rest > 0) most.set('other', (most.get('other') ?? 0) + rest)
  return most
}
