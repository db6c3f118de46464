// Shows where a server spends its CPU time in a row: npm run -s build && node bench/profile.mjs [--write] ROW SERVER. With --write the shares go
// to bench/results.json too.
import { parseArgs } from 'node:util'
import { changeResults } from './results.mjs'
import { rows } from './rows/index.mjs'

/** Parts of a profile, by what the paths of their files contain. The first that matches counts. */
const AREAS = [
  [/\(garbage collector\)/, 'garbage collection'],
  [/\(idle\)|\(root\)/, null],
  [/^(write\w+|writev|close|shutdown|getpeername|readStart|\(program\))$/, 'system calls and native code'],
  [/^(run|oneShotDigest|hash|update|digest|sign|verify|timingSafeEqual)$/, 'Node: crypto'],
  [/node_modules\/ws\//, 'ws'],
  [/node_modules\/(jose)\//, 'jose'],
  [/node_modules\/(classic-level|abstract-level)\//, 'LevelDB’s binding'],
  [/node_modules\//, 'other packages'],
  [/dist\/gateway\/(\w+)/, ({ 1: room }) => `gateway/${room}`],
  [/dist\/engine\//, 'engine'],
  [/dist\/tokens\//, 'tokens'],
  [/dist\/protocol\//, 'protocol'],
  [/^node:internal\/(crypto|webcrypto)|^node:crypto/, 'Node: crypto'],
  [/^node:(_http|internal\/http|http)/, 'Node: HTTP'],
  [/^node:/, 'Node: streams, sockets, timers'],
  [/bench\//, 'the server of the benchmark'],
  [/./, 'other native functions of V8 and Node'],
]

const areaOf = (file) => {
  for (const [pattern, area] of AREAS) {
    const match = pattern.exec(file)
    if (match) return typeof area === 'function' ? area(match) : area
  }
  return null
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { write: { type: 'boolean' } } })
const [row, only] = positionals
if (!(row in rows) || only === undefined) {
  console.error('node bench/profile.mjs [--write] ROW SERVER, for example: start "chat-session, memory"')
  process.exit(2)
}
const samples = new Map()
const measured = await rows[row].measure({
  rounds: 1,
  only,
  onProfile(files) {
    for (const [file, hits] of Object.entries(files)) {
      const area = areaOf(file)
      if (area !== null) samples.set(area, (samples.get(area) ?? 0) + hits)
    }
  },
})
if (!(only in measured)) throw new Error(`The row ${row} has no server ${only}.`)
const total = [...samples.values()].reduce((sum, hits) => sum + hits, 0)
const shares = [...samples]
  .map(([area, hits]) => ({ area, percent: Math.round((hits / total) * 1_000) / 10 }))
  .toSorted((one, other) => other.percent - one.percent)
for (const { area, percent } of shares) console.log(`${percent.toFixed(1).padStart(6)} %  ${area}`)
if (values.write)
  await changeResults((results) => {
    const profiles = { ...results[row]?.profiles, [only]: shares }
    results[row] = { ...results[row], profiles }
  })
