// Shows what the figures of rows are made of: npm run profile [-- --write] [ROW [SERVER …]]. Without ROW all rows
// that can be profiled. With --write the parts go to bench/results.json too.
import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { printedProfiles } from './report.mjs'
import { changeResults } from './results.mjs'
import { rows } from './rows/index.mjs'

/**
 * Parts of a profile, by the name that bench/profiler.mjs gives to what spent the time, or holds the memory. The first that matches counts.
 */
const AREAS = [
  [/^\(garbage collector\)/, 'garbage collection'],
  [/^\(threads\) (.*)/, ({ 1: role }) => `threads: ${role}`],
  [/^\(free memory of the heap\)/, 'free memory of the heap'],
  [/^\(external\)/, 'buffers outside of the heap'],
  [/^\(outside of the heap\)/, 'native memory'],
  [/^class (Cell Butterfly|Array|Map|Set)$/, 'heap: arrays and tables'],
  [/^class (Function|AsyncFunction|JSLexicalEnvironment|Promise)$/, 'heap: functions and their variables'],
  [/^class string/, 'heap: texts'],
  [/^class Object/, 'heap: objects without a class'],
  [/^class ServerWebSocket/, 'heap: sockets of Bun'],
  [/^class .*(CodeBlock|Executable|Structure\w*|SymbolTable)$/, 'heap: compiled code'],
  [/^class /, 'heap: objects of classes'],
  [
    /^(write\w+|writev|close|shutdown|getpeername|readStart|upgrade|send|sendText|cork|requestIP|\(program\)|\(outside of functions\)) ?/,
    'system calls and native code',
  ],
  [/^(run|oneShotDigest|hash|update|digest|sign|verify|timingSafeEqual) /, 'crypto'],
  [/node_modules\/ws\//, 'ws'],
  [/node_modules\/(jose)\//, 'jose'],
  [/node_modules\/(classic-level|abstract-level)\//, 'LevelDB’s binding'],
  [/node_modules\//, 'other packages'],
  [/dist\/gateway\/(\w+)\//, ({ 1: folder }) => `gateway/${folder}`],
  [/dist\/gateway\//, 'gateway'],
  [/dist\/engine\//, 'engine'],
  [/dist\/tokens\//, 'tokens'],
  [/dist\/protocol\//, 'protocol'],
  [/bench\//, 'the server of the benchmark'],
  [/(^| )(node:)?(internal[/:])?(web)?crypto/, 'crypto'],
  [/(^| )node:(_http|internal\/http|http)/, 'Node: HTTP'],
  [/(^| )(node|internal):/, 'streams and sockets'],
  [/./, 'other native functions'],
]

const bunVersion = JSON.parse(
  await readFile(new URL('../node_modules/bun/package.json', import.meta.url), 'utf8'),
).version

const areaOf = (file) => {
  for (const [pattern, area] of AREAS) {
    const match = pattern.exec(file)
    if (match) return typeof area === 'function' ? area(match) : area
  }
  throw new Error('A part of the profile has no name.')
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    write: { type: 'boolean' },
    quick: { type: 'boolean' },
    rounds: { type: 'string', default: '1' },
  },
})
const [only, ...servers] = positionals
const rounds = Number(values.rounds)
const isKnown = only === undefined || rows[only]?.profiled !== undefined
if (!isKnown || !(rounds >= 1) || (values.write && (servers.length > 0 || values.quick))) {
  console.error(
    'npm run profile -- [--rounds N] [--quick | --write] [ROW [SERVER …]], for example: start "chat-session, memory".\n' +
      `The rows are ${Object.keys(rows).filter((name) => rows[name].profiled)}. Without SERVER all of a row are measured, which --write needs.`,
  )
  process.exit(2)
}

/** Resolves with the areas of each server, the largest first: `{ area, amount }`, in the unit of the figure. */
const profilesOf = async ({ measure }, figure, names) => {
  const costs = Object.fromEntries(names.map((server) => [server, { cost: 0, areas: {} }]))
  const measured = await measure({
    ...{ rounds, isQuick: values.quick, only: names },
    onProfile(server, parts, cost) {
      costs[server].cost += cost
      const { areas } = costs[server]
      for (const [part, amount] of Object.entries(parts))
        areas[areaOf(part)] = (areas[areaOf(part)] ?? 0) + amount
    },
  })
  return Object.fromEntries(
    Object.entries(measured).map(([server, results]) => {
      const { cost, areas } = costs[server]
      // The row has divided the cost of each round by the same number of operations. The mean of the rounds is shown.
      const factor = results.reduce((sum, result) => sum + result[figure], 0) / cost / rounds
      const amounts = Object.entries(areas).map(([area, amount]) => ({
        area,
        amount: Number((amount * factor).toPrecision(3)),
      }))
      return [server, amounts.toSorted((one, other) => other.amount - one.amount)]
    }),
  )
}

for (const name of Object.keys(rows)) {
  const row = rows[name]
  if (!row.profiled || (only !== undefined && name !== only)) continue
  const figure = row.profiledFigure ?? Object.keys(row.figures)[0]
  const profiles = await profilesOf(row, figure, servers.length > 0 ? servers : row.profiled)
  const { unit } = row.figures[figure]
  console.log(printedProfiles(row.title, unit, profiles))
  if (!values.write) continue
  const [date, node, bun] = [new Date().toISOString().slice(0, 10), process.versions.node, bunVersion]
  const profile = { unit, date, node, bun, cores: availableParallelism(), rounds, servers: profiles }
  // After each row, so that a run that is ended early has written the rows before.
  await changeResults((results) => {
    results[name] = { ...results[name], profile }
  })
}
