// Finds figures of speed and size in a text: times in µs and ms, memory of a session, and ratios.

const FIGURE =
  /\d[\d.,]* ?(µs|ms\b|×(?! [\d(])|[kM]B (a|for a|each|of memory)\b)|takes about \d[\d.,]* ?[kM]B/g

/** What is not measured: settings of the project. */
const ALLOWED = ['messages published every 50 ms', 'else 5 ms for each', 'measured every 10 ms']

/** Returns the figures that stand in this text, each with the words around it. */
export const unmarkedFigures = (text) => {
  const withoutAllowed = ALLOWED.reduce((rest, part) => rest.replaceAll(part, ''), text)
  return [...withoutAllowed.matchAll(FIGURE)].map(({ index, 0: found }) =>
    withoutAllowed.slice(Math.max(0, index - 30), index + found.length + 20).replaceAll(/\s+/g, ' '),
  )
}
