// Measures the rows beside their rivals and prints ratios: npm run bench [-- --quick] [ROW …]. Without --quick the results go to
// bench/results.json, of which the tables and plots of docs/PERFORMANCE.md and bench/README.md are made.
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { printed } from './report.mjs'
import { changeResults } from './results.mjs'
import { rows } from './rows/index.mjs'
import { median } from './setting.mjs'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { quick: { type: 'boolean' }, rounds: { type: 'string' } },
})
const isQuick = values.quick === true
const rounds = Number(values.rounds ?? (isQuick ? 1 : 5))
const unknown = positionals.filter((name) => !(name in rows))
if (unknown.length > 0 || !(rounds >= 1)) {
  console.error(`The rows are ${Object.keys(rows).join(', ')}. --rounds is a number from 1 on.`)
  process.exit(2)
}

const resultOf = ({ title, method, figures }, measured) => ({
  title,
  method,
  date: new Date().toISOString().slice(0, 10),
  node: process.versions.node,
  cores: availableParallelism(),
  rounds: Math.max(...Object.values(measured).map(({ length }) => length)),
  figures: Object.entries(figures).map(([figure, { unit, base, isAbsolute, targets = {} }]) => ({
    ...{ figure, unit, base, isAbsolute },
    contestants: Object.entries(measured)
      .filter(([, results]) => results.every((result) => figure in result))
      .map(([name, results]) => {
        const numbers = results.map((result) => result[figure])
        const rounded = (number) => Number(number.toPrecision(4))
        return {
          name,
          median: rounded(median(numbers)),
          least: rounded(Math.min(...numbers)),
          most: rounded(Math.max(...numbers)),
          ...(name in targets && { target: targets[name] }),
        }
      }),
  })),
})

for (const name of positionals.length > 0 ? positionals : Object.keys(rows)) {
  const { measure, mostRounds = Infinity } = rows[name]
  const measured = await measure({ rounds: Math.min(rounds, mostRounds), isQuick })
  const result = resultOf(rows[name], measured)
  console.log(printed(result))
  // After each row, so that a run that is ended early has written the rows before.
  if (!isQuick)
    await changeResults((results) => {
      results[name] = { ...results[name], ...result }
    })
}
console.log(
  isQuick
    ? '\nThese are rough figures. A run without --quick writes bench/results.json.'
    : '\nWritten to bench/results.json. `npm run figures` makes the tables and plots from this file.',
)
