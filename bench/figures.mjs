// Makes the tables, values and plots of documents of bench/results.json: npm run figures. With --check it compares, so that each figure
// in these documents is one that was measured, by the row as it is today. In a document, what stands between these is made:
// - <!-- figure NAME --> and <!-- /figure -->: the table of a figure
// - <!-- comparison NAME, NAME --> and <!-- /comparison -->: two figures with the same contestants, side by side
// - <!-- method ROW --> and <!-- /method -->: how a row was measured. If no document has this block, it stands below the table of the
//   row's first figure
// - <!-- figures ROW --> and <!-- /figures -->: all figures of a row, in one table or in several of at most five columns
// - <!-- profile NAME --> and <!-- /profile -->: the table of a profile
// - <!-- value FIGURE, CONTESTANT --> and <!-- /value -->: the median of a contestant; `ratio` in place of `value`: its ratio
// - <!-- capacity NAME --> and <!-- /capacity -->: a table or number that capacity.mjs reckons of the figures
// A plot is made if a document shows docs/images/bench-FIGURE.svg.
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { capacityOf } from './capacity.mjs'
import {
  comparisonOf,
  number,
  plotOf,
  profileOf,
  ratio,
  ratioOf,
  tableOf,
  tableOfAll,
  wrapped,
} from './report.mjs'
import { readResults } from './results.mjs'
import { rows } from './rows/index.mjs'
import { isOnBun } from './setting.mjs'
import { unmarkedFigures } from './unmarked-figures.mjs'

const root = new URL('..', import.meta.url)
const docs = (await readdir(new URL('docs/', root), { recursive: true })).filter((name) =>
  name.endsWith('.md'),
)
const documents = ['README.md', 'ARCHITECTURE.md', 'bench/README.md', ...docs.map((name) => `docs/${name}`)]
const isCheck = process.argv.includes('--check')
const results = await readResults()
const texts = new Map()
for (const document of documents) texts.set(document, await readFile(new URL(document, root), 'utf8'))
/** The rows whose method has a block of its own. */
const withMethod = new Set(
  [...texts.values()].flatMap((text) => [...text.matchAll(/<!-- method (.+?) -->/g)].map(([, row]) => row)),
)
const figures = Object.entries(results).flatMap(
  ([row, { title, method, date, node, cores, rounds, figures: own }]) =>
    own.map((figure, index) => ({
      ...figure,
      hasMethod: index === 0 && !withMethod.has(row),
      ...{ title, method, date, node, cores, rounds },
    })),
)
/** What a document shows and bench/results.json does not have. */
const missing = new Set()

const howOf = ({ method, rounds, date, node, cores }) => {
  const medians = rounds === 1 ? 'One round' : `Medians of ${rounds} rounds in turn`
  return `${wrapped(`${method} ${medians}; Node ${node}, ${cores} cores, ${date}.`)}\n\n`
}

/** Each returns the text of a block; undefined if bench/results.json does not have it. */
const blocks = {
  figure(name) {
    const found = figures.find(({ figure }) => figure === name)
    return found && `\n\n${tableOf(found)}\n\n${found.hasMethod ? howOf(found) : ''}`
  },
  comparison(names) {
    const found = names.split(', ').map((name) => figures.find(({ figure }) => figure === name))
    if (found.includes(undefined)) return undefined
    return `\n\n${comparisonOf(found)}\n\n`
  },
  method: (row) => results[row] && `\n\n${howOf(results[row])}`,
  figures(name) {
    const found = results[name]
    return found && `\n\n${tableOfAll(found.figures)}\n\n${howOf(found)}`
  },
  /** The name is that of a row, and ends in `-on-bun` for the servers on Bun. */
  profile(name) {
    const row = name.replace(/-on-bun$/, '')
    if (!results[row]?.profile) return undefined
    const { date, node, bun, cores, rounds } = results[row].profile
    const isBunShown = name.endsWith('-on-bun')
    const table = profileOf(results[row], (server) => isOnBun(server) === isBunShown)
    const runtime = isBunShown ? `Bun ${bun}` : `Node ${node}`
    const means = rounds === 1 ? 'One round' : `Means of ${rounds} rounds in turn`
    return `\n\n${table}\n\n${means}; ${runtime}, ${cores} cores, ${date}.\n\n`
  },
  value: (name) => valueOf(name, ({ median }) => number(median)),
  ratio: (name) => valueOf(name, (contestant, figure) => ratio(ratioOf(contestant, figure))),
  capacity: (name) => capacityOf(results, name),
}

const valueOf = (name, textOf) => {
  const [, figureName, contestantName] = /^([\w-]+), (.*)$/.exec(name) ?? []
  const found = figures.find(({ figure }) => figure === figureName)
  const contestant = found?.contestants.find((candidate) => candidate.name === contestantName)
  return contestant && textOf(contestant, found)
}

const BLOCK =
  /(<!-- (figures?|comparison|method|profile|value|ratio|capacity) (.+?) -->)(.*?)(<!-- \/\2 -->)/gs

const expected = new Map()
const shownPlots = new Set()
const problems = []
for (const [document, text] of texts) {
  const filled = text.replaceAll(BLOCK, (_, start, kind, name, before, end) => {
    const block = blocks[kind](name)
    if (block === undefined) missing.add(`${kind} ${name}`)
    return start + (block ?? before) + end
  })
  for (const [, name] of text.matchAll(/images\/bench-([\w-]+)\.svg/g)) shownPlots.add(name)
  const filepath = fileURLToPath(new URL(document, root))
  const formatted = await format(filled, { ...(await resolveConfig(filepath)), filepath })
  expected.set(document, formatted)
  for (const unmarked of unmarkedFigures(formatted.replaceAll(BLOCK, '')))
    problems.push(`${document} has a figure that is not of bench/results.json: ${unmarked}`)
}
for (const { figure, title, ...rest } of figures)
  if (shownPlots.has(figure))
    expected.set(`docs/images/bench-${figure}.svg`, plotOf(title, { figure, ...rest }))

const stale = []
for (const [path, text] of expected) {
  const current = await readFile(new URL(path, root), 'utf8').catch(() => '')
  if (current === text) continue
  stale.push(path)
  if (!isCheck) await writeFile(new URL(path, root), text)
}
const plots = (await readdir(new URL('docs/images/', root))).filter((name) => name.startsWith('bench-'))
for (const name of plots) {
  const path = `docs/images/${name}`
  if (expected.has(path)) continue
  stale.push(path)
  if (!isCheck) await rm(new URL(path, root))
}
if (stale.length > 0 && isCheck)
  problems.push(`Not as bench/results.json has it: ${stale.join(', ')}. Run npm run figures.`)
if (missing.size > 0) problems.push(`Not in bench/results.json: ${[...missing].join('; ')}. Measure it.`)
const older = Object.keys(rows).filter((name) => results[name]?.method !== rows[name].method)
if (older.length > 0)
  problems.push(
    `Measured by another method than that of the row today, or not at all: ${older.join(', ')}. Run npm run bench -- ${older.join(' ')}.`,
  )
for (const problem of problems) console.error(problem)
if (isCheck) {
  if (problems.length > 0) process.exit(1)
  console.log('All figures are those of bench/results.json.')
} else console.log(`Written below ${fileURLToPath(root)}: ${stale.join(', ')}`)
