// Finds figures of speed and size in a text: times in µs and ms, memory of a session, and ratios.

const FIGURE =
  /\d[\d.,]* ?(µs|ms\b|×(?! [\d(])|[kM]B (a|for a|each|of memory)\b)|takes about \d[\d.,]* ?[kM]B/g

/** What is not measured: settings of the project, and of one table that says what it assumes. */
const ALLOWED = [
  'messages published every 50 ms',
  'else 5 ms for each',
  'measured every 10 ms',
  'takes Redis 1.9 µs of CPU a second and a message 0.47 ms:',
  '10,000,000 × 1.9 µs',
  '2,800 messages a second × 0.47 ms',
]

/** Returns the figures that stand in this text, each with the words around it. */
export const unmarkedFigures = (text) => {
  const withoutAllowed = ALLOWED.reduce((rest, part) => rest.replaceAll(part, ''), text)
  return [...withoutAllowed.matchAll(FIGURE)].map(({ index, 0: found }) =>
    withoutAllowed.slice(Math.max(0, index - 30), index + found.length + 20).replaceAll(/\s+/g, ' '),
  )
}
