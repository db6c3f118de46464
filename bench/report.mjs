// Shows results: as text for a terminal, as a table for a document, as a plot.

/** NaN of a figure without a base. */
export const ratioOf = ({ median }, { base, contestants }) =>
  median / (contestants.find(({ name }) => name === base)?.median ?? NaN)

export const number = (value) =>
  value >= 100 ? Math.round(value).toLocaleString('en') : Number(value.toPrecision(3)).toString()

/** Empty if the base is 0, or missing. */
export const ratio = (value) => (Number.isFinite(value) ? `${value.toFixed(2)} ×` : '')

const spread = ({ least, most }) => (least === most ? number(least) : `${number(least)} to ${number(most)}`)

/** A target is a ratio; without a base, or if the figure says so, it is a median. */
const goalOf = ({ target }, { base, isAbsolute }) => (base && !isAbsolute ? ratio(target) : number(target))

/** A result as text. */
export const printed = ({ title, method, rounds, figures }) => {
  const lines = figures.flatMap((figure) => [
    '',
    figure.base ? `${figure.unit}, as a ratio to ${figure.base}` : figure.unit,
    ...figure.contestants.map((contestant) => {
      const { name, median, target } = contestant
      const goal = target === undefined ? '' : `  (to reach: ${goalOf(contestant, figure)})`
      return `  ${name.padEnd(30)}${number(median).padStart(10)}  ${`(${spread(contestant)})`.padEnd(22)}${ratio(ratioOf(contestant, figure)).padStart(8)}${goal}`
    }),
  ])
  return [`\n${title}`, `${method} ${rounds} ${rounds === 1 ? 'round' : 'rounds'}.`, ...lines].join('\n')
}

/** A figure of a result as a table in Markdown. */
export const tableOf = (figure) =>
  [
    `| ${figure.unit} | median | least to most | ratio | to reach |`,
    '| --- | ---: | ---: | ---: | ---: |',
    ...figure.contestants.map((contestant) => {
      const { name, median, target } = contestant
      const goal = target === undefined ? '' : `≤ ${goalOf(contestant, figure)}`
      return `| ${name} | ${number(median)} | ${spread(contestant)} | ${ratio(ratioOf(contestant, figure))} | ${goal} |`
    }),
  ].join('\n')

/**
 * Two figures with the same contestants as a table in Markdown, with a line for each contestant. What a contestant has to reach stands in
 * brackets.
 */
export const comparisonOf = (figures) => {
  const cellsOfFigure = (name, figure) => {
    const contestant = figure.contestants.find((candidate) => candidate.name === name)
    if (!contestant) return ['', '']
    const goal = contestant.target === undefined ? '' : ` (≤ ${goalOf(contestant, figure)})`
    const isRatioToReach = figure.base && !figure.isAbsolute
    return [
      number(contestant.median) + (isRatioToReach ? '' : goal),
      ratio(ratioOf(contestant, figure)) + (isRatioToReach ? goal : ''),
    ]
  }
  const names = [...new Set(figures.flatMap(({ contestants }) => contestants.map(({ name }) => name)))]
  return [
    ['', ...figures.flatMap(({ unit }) => [unit, 'ratio'])],
    ['---', ...figures.flatMap(() => ['---:', '---:'])],
    ...names.map((name) => [name, ...figures.flatMap((figure) => cellsOfFigure(name, figure))]),
  ]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n')
}

/** The columns of a table besides its first. A screen is no wider. */
const MAX_CONTESTANTS = 4

/** The figures of a result as tables in Markdown, with a column for each contestant. A table has no row without a number. */
export const tableOfAll = (figures) => {
  const names = [...new Set(figures.flatMap(({ contestants }) => contestants.map(({ name }) => name)))]
  const perTable = Math.ceil(names.length / Math.ceil(names.length / MAX_CONTESTANTS))
  const cellOf = ({ contestants }, name) => {
    const found = contestants.find((contestant) => contestant.name === name)
    return found ? number(found.median) : ''
  }
  const tableWith = (shown) => [
    `| | ${shown.join(' | ')} |`,
    `| --- | ${shown.map(() => '---:').join(' | ')} |`,
    ...figures
      .map((figure) => [figure.unit, shown.map((name) => cellOf(figure, name))])
      .filter(([, cells]) => cells.some((cell) => cell !== ''))
      .map(([unit, cells]) => `| ${unit} | ${cells.join(' | ')} |`),
  ]
  const tables = []
  for (let start = 0; start < names.length; start += perTable)
    tables.push(tableWith(names.slice(start, start + perTable)).join('\n'))
  return tables.join('\n\n')
}

/** A line of prose in a document is no longer than this. */
const LINE = 138

/** Breaks a text into lines. Text between backticks stays in one line. */
export const wrapped = (text) => {
  const lines = ['']
  for (const word of text.match(/(?:`[^`]*`|[^\s`])+/g)) {
    const longer = lines.at(-1) === '' ? word : `${lines.at(-1)} ${word}`
    if (longer.length <= LINE) lines[lines.length - 1] = longer
    else lines.push(word)
  }
  return lines.join('\n')
}

/** Profiles of servers as rows of cells: a name and amounts, the largest first. Areas below one per cent of each server are added up. */
const cellsOf = (profiles) => {
  const servers = Object.keys(profiles)
  const amountOf = (server, area) => profiles[server].find((part) => part.area === area)?.amount ?? 0
  const areas = [...new Set(Object.values(profiles).flatMap((parts) => parts.map(({ area }) => area)))]
  const sumOf = (server, areasOfRow) => areasOfRow.reduce((sum, area) => sum + amountOf(server, area), 0)
  const isSmall = (area) =>
    servers.every((server) => Math.abs(amountOf(server, area)) < 0.01 * sumOf(server, areas))
  const amountOfAll = (area) => servers.reduce((sum, server) => sum + amountOf(server, area), 0)
  const digits = Math.max(...servers.map((server) => sumOf(server, areas))) >= 100 ? 1 : 2
  const rowOf = (name, areasOfRow) => [
    name,
    ...servers.map((server) => sumOf(server, areasOfRow).toFixed(digits)),
  ]
  return [
    ...areas
      .filter((area) => !isSmall(area))
      .toSorted((one, other) => amountOfAll(other) - amountOfAll(one))
      .map((area) => rowOf(area, [area])),
    rowOf('all others', areas.filter(isSmall)),
    rowOf('together', areas),
  ]
}

/** The profiles of a row as text. */
export const printedProfiles = (title, unit, profiles) => {
  const lines = [[unit, ...Object.keys(profiles)], ...cellsOf(profiles)].map(([name, ...amounts], index) =>
    index === 0
      ? [name, ...amounts].join(' | ')
      : `${name.padEnd(45)}${amounts.map((amount) => amount.padStart(10)).join('')}`,
  )
  return [`\n${title}`, ...lines].join('\n')
}

const sumOfParts = (parts) => parts.reduce((sum, { amount }) => sum + amount, 0)

/** The profiles of some servers of a row in Markdown: a table with a column for each. The last line has what each has to reach. */
export const profileOf = ({ profile, figures }, isShown) => {
  const shown = Object.entries(profile.servers).filter(([server]) => isShown(server))
  const [{ base, contestants }] = figures
  const goalOfServer = (server) => {
    const { target } = contestants.find(({ name }) => name === server) ?? {}
    return target === undefined ? '' : number(target * sumOfParts(profile.servers[base]))
  }
  const table = [
    [profile.unit, ...shown.map(([server]) => server)],
    ['---', ...shown.map(() => '---:')],
    ...cellsOf(Object.fromEntries(shown)),
    ['to reach', ...shown.map(([server]) => goalOfServer(server))],
  ]
  return table.map((cells) => `| ${cells.join(' | ')} |`).join('\n')
}

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

const [WIDTH, NAMES, BARS, ROW, TOP] = [720, 210, 400, 30, 44]

/** A figure of a result as bars: an SVG that is readable on light and dark pages. A line shows what a contestant has to reach. */
export const plotOf = (title, figure) => {
  const { unit, base, isAbsolute, contestants } = figure
  const longest = Math.max(...contestants.map(({ median }) => median))
  const unitOne = base ? contestants.find(({ name }) => name === base).median : 1
  const height = TOP + contestants.length * ROW + 10
  const bars = contestants.map((contestant, index) => {
    const { name, median, target } = contestant
    const y = TOP + index * ROW
    const length = ((longest > 0 ? median / longest : 0) * BARS).toFixed(1)
    const kind = name.startsWith('chat-session') ? 'own' : 'rival'
    const goal = target === undefined ? NaN : ((isAbsolute ? target : target * unitOne) * BARS) / longest
    const mark =
      goal <= BARS
        ? `<line class="goal" x1="${(NAMES + goal).toFixed(1)}" x2="${(NAMES + goal).toFixed(1)}" y1="${y}" y2="${y + 22}"/>`
        : ''
    return (
      `<text class="name" x="${NAMES - 10}" y="${y + 15}" text-anchor="end">${escaped(name)}</text>` +
      `<rect class="${kind}" x="${NAMES}" y="${y + 2}" width="${length}" height="18" rx="3"/>${mark}` +
      `<text class="value" x="${NAMES + Number(length) + 8}" y="${y + 15}">${number(median)} ${base && unitOne > 0 ? ` · ${ratio(median / unitOne)}` : ''}</text>`
    )
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(title)}: ${escaped(unit)}">
<style>
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600 }
.own { fill: #2563eb }
.rival { fill: #9ca3af }
.goal { stroke: #16a34a; stroke-width: 2 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .own { fill: #60a5fa }
  .rival { fill: #6b7280 }
  .goal { stroke: #4ade80 }
}
</style>
<text class="title" x="0" y="16">${escaped(title)}</text>
<text x="0" y="34">${escaped(unit)}; shorter is better</text>
${bars.join('\n')}
</svg>
`
}
