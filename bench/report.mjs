// Shows results: as text for a terminal, as a table for a document, as a plot.

/** NaN of a figure without a base. */
const ratioOf = ({ median }, { base, contestants }) =>
  median / (contestants.find(({ name }) => name === base)?.median ?? NaN)

const number = (value) =>
  value >= 100 ? Math.round(value).toLocaleString('en') : Number(value.toPrecision(3)).toString()

/** Empty if the base is 0, or missing. */
const ratio = (value) => (Number.isFinite(value) ? `${value.toFixed(2)} ×` : '')

const spread = ({ least, most }) => (least === most ? number(least) : `${number(least)} to ${number(most)}`)

/** A target is a ratio; without a base it is a median. */
const goalOf = ({ target }, { base }) => (base ? ratio(target) : number(target))

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

/** The profiles of a row as a table in Markdown: a column for each server. Areas below one per cent in all of them are added up. */
export const profileOf = (profiles) => {
  const servers = Object.keys(profiles)
  const shareOf = (server, area) => profiles[server].find((share) => share.area === area)?.percent ?? 0
  const areas = [...new Set(Object.values(profiles).flatMap((shares) => shares.map(({ area }) => area)))]
  const isSmall = (area) => servers.every((server) => shareOf(server, area) < 1)
  const rowOf = (name, areasOfRow) => {
    const sums = servers.map((server) => areasOfRow.reduce((sum, area) => sum + shareOf(server, area), 0))
    return `| ${name} | ${sums.map((sum) => `${sum.toFixed(1)} %`).join(' | ')} |`
  }
  return [
    `| share of the CPU time | ${servers.join(' | ')} |`,
    `| --- | ${servers.map(() => '---:').join(' | ')} |`,
    ...areas.filter((area) => !isSmall(area)).map((area) => rowOf(area, [area])),
    rowOf('all others', areas.filter(isSmall)),
  ].join('\n')
}

const escaped = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

const [WIDTH, NAMES, BARS, ROW, TOP] = [720, 210, 400, 30, 44]

/** A figure of a result as bars: an SVG that is readable on light and dark pages. A line shows what a contestant has to reach. */
export const plotOf = (title, figure) => {
  const { unit, base, contestants } = figure
  const longest = Math.max(...contestants.map(({ median }) => median))
  // A target without a base is a median.
  const unitOne = base ? contestants.find(({ name }) => name === base).median : 1
  const height = TOP + contestants.length * ROW + 10
  const bars = contestants.map((contestant, index) => {
    const { name, median, target } = contestant
    const y = TOP + index * ROW
    const length = ((longest > 0 ? median / longest : 0) * BARS).toFixed(1)
    const kind = name.startsWith('chat-session') ? 'own' : 'rival'
    const goal = target === undefined ? NaN : (target * unitOne * BARS) / longest
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
