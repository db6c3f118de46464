// Makes the tables of docs/PERFORMANCE.md and the plots of bench/results.json: npm run figures. With --check it compares, so
// that each figure in these documents is one that was measured. A table stands between <!-- figure NAME --> and <!-- /figure -->.
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { plotOf, profileOf, tableOf } from './report.mjs'
import { readResults } from './results.mjs'

const root = new URL('..', import.meta.url)
const documents = ['docs/PERFORMANCE.md']
const isCheck = process.argv.includes('--check')
const results = await readResults()
const figures = Object.values(results).flatMap(({ title, method, date, node, cores, rounds, figures: own }) =>
  own.map((figure, index) => ({ ...figure, isFirst: index === 0, title, method, date, node, cores, rounds })),
)

const blockOf = (name) => {
  const found = figures.find(({ figure }) => figure === name)
  if (!found) throw new Error(`bench/results.json has no figure ${name}.`)
  const { isFirst, method, rounds, date, node, cores } = found
  // The figures of a row share its method.
  const medians = rounds === 1 ? 'One round' : `Medians of ${rounds} rounds in turn`
  const how = `${method} ${medians}; Node ${node}, ${cores} cores, ${date}.\n\n`
  return `\n\n${tableOf(found)}\n\n${isFirst ? how : ''}`
}

const profileBlockOf = (row) => {
  const profiles = results[row]?.profiles
  if (!profiles) throw new Error(`bench/results.json has no profile of the row ${row}.`)
  return `\n\n${profileOf(profiles)}\n\n`
}

const expected = new Map()
for (const document of documents) {
  const text = await readFile(new URL(document, root), 'utf8')
  const filled = text.replaceAll(
    /(<!-- (figure|profile) ([\w-]+) -->).*?(<!-- \/\2 -->)/gs,
    (_, start, kind, name, end) => start + (kind === 'figure' ? blockOf(name) : profileBlockOf(name)) + end,
  )
  const filepath = fileURLToPath(new URL(document, root))
  expected.set(document, await format(filled, { ...(await resolveConfig(filepath)), filepath }))
}
for (const { figure, title, ...rest } of figures)
  expected.set(`docs/images/bench-${figure}.svg`, plotOf(title, { figure, ...rest }))

const stale = []
for (const [path, text] of expected) {
  const current = await readFile(new URL(path, root), 'utf8').catch(() => '')
  if (current === text) continue
  stale.push(path)
  if (!isCheck) await writeFile(new URL(path, root), text)
}
const plots = (await readdir(new URL('docs/images/', root))).filter((name) => name.startsWith('bench-'))
const unused = plots.filter((name) => !expected.has(`docs/images/${name}`))
if (isCheck && stale.length + unused.length > 0) {
  console.error(`Not as bench/results.json has it: ${[...stale, ...unused].join(', ')}. Run npm run figures.`)
  process.exit(1)
}
console.log(
  isCheck
    ? 'All figures are those of bench/results.json.'
    : `Written below ${fileURLToPath(root)}: ${stale.join(', ')}`,
)
