// Runs simulations (test/system/simulation): whole gateways, sessions and an engine in one process, under one seeded scheduler.
//   node scripts/simulate.mjs --seed N       one simulation, with its log. An even seed has one gateway, an odd seed three on a Redis,
//                                            which may be a cluster; --nodes 1 or --nodes 3 says another number
//   node scripts/simulate.mjs --seconds S    all seeds that ever failed, then fresh ones for S seconds
//   node scripts/simulate.mjs --faults       faults that are put in on purpose: each has to be found within a minute
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { buildLibrary } from './build/lua.mjs'
import { compile, compiledFolder } from './compile.mjs'

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    seconds: { type: 'string' },
    nodes: { type: 'string' },
    faults: { type: 'boolean', default: false },
  },
})

for (const name of ['seed', 'seconds'])
  if (values[name] !== undefined && !(Number(values[name]) >= 0)) {
    console.error(`--${name} is a number from 0 on.`)
    process.exit(2)
  }

const root = new URL('../', import.meta.url)
const folder = new URL('test/system/simulation/', root)
const compiled = compiledFolder()

/** Milliseconds that one simulation may take. Most take two seconds, but CI gives them only the time that nothing else wants. */
const LIMIT = 1_200_000
/** Milliseconds in which a fault that was put in has to be found. */
const FAULT_LIMIT = 60_000

/** Compiles the simulation, if need be with a fault in one file, and returns the path of its module. */
const compileSimulation = async (name, fault) => {
  const outdir = join(compiled, name)
  let isPut = false
  const withFault = (path, contents) => {
    if (!fault || path !== fileURLToPath(new URL(fault.file, root))) return contents
    if (contents.split(fault.right).length !== 2)
      throw new Error(`${fault.file} does not have this once: ${fault.right}`)
    isPut = true
    return contents.replace(fault.right, () => fault.wrong)
  }
  const sources = {
    name: 'sources',
    setup({ onLoad }) {
      onLoad({ filter: /\.m?[jt]s$/ }, async ({ path }) => {
        const contents = withFault(path, await readFile(path, 'utf8'))
        // The simulated Redis compiles the scripts, which are beside its sources and not beside the bundle.
        const isOfRedis = /[\\/](redis|build)[\\/]/.test(path)
        const url = JSON.stringify(pathToFileURL(path).href)
        return { contents: isOfRedis ? contents.replaceAll('import.meta.url', url) : contents, loader: 'ts' }
      })
    },
  }
  // A process of a gateway imports one file without chunks, because all imports of a chunk get the same instance.
  for (const name of ['one', 'gateway-process'])
    await compile({
      entryPoints: [fileURLToPath(new URL(`${name}.ts`, folder))],
      ...{ outdir, plugins: [sources], splitting: name === 'one' },
    })
  if (fault && !isPut) throw new Error(`${fault.file} is not a part of the simulation.`)
  return join(outdir, 'one.mjs')
}

const simulate = async (module, { seed, nodes = values.nodes }) => {
  const args = [module, seed, nodes ?? ''].map(String)
  const child = spawn(process.execPath, ['--enable-source-maps', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: LIMIT,
    killSignal: 'SIGKILL',
  })
  const output = await text(child.stdout)
  return output === ''
    ? { seed, operations: 0, steps: 0, seconds: 0, log: [], violation: 'It did not end.' }
    : { seed, ...JSON.parse(output) }
}

/** Simulates seeds on all cores until `isOver` returns true or there are no more. Returns the outcomes. */
const simulateAll = async (module, seeds, isOver = () => false) => {
  const outcomes = []
  const work = async () => {
    for (;;) {
      const seed = isOver(outcomes) ? undefined : seeds.next().value
      if (seed === undefined) return
      outcomes.push(await simulate(module, seed))
    }
  }
  await Promise.all(Array.from({ length: availableParallelism() }, work))
  return outcomes
}

const fresh = function* (nodes) {
  for (let seed = randomInt(2 ** 32); ; seed++) yield { seed, nodes }
}

const sum = (outcomes, key) => outcomes.reduce((total, outcome) => total + outcome[key], 0)

const report = (outcomes) => {
  const failed = outcomes.filter(({ violation }) => violation)
  for (const { seed, violation } of failed)
    console.error(`✖ ${violation}\n  Again: npm run simulate -- --seed ${seed}`)
  console.log(
    `${outcomes.length} simulations of ${Math.round(sum(outcomes, 'seconds') / 3_600)} hours: ${sum(outcomes, 'operations')} operations, ${sum(outcomes, 'steps')} steps; ${failed.length} broke a rule.`,
  )
  return failed.length === 0
}

const one = async (seed) => {
  const { log, violation, ...outcome } = await simulate(await compileSimulation('sound'), { seed })
  for (const line of log) console.log(line)
  console.log(JSON.stringify(outcome, null, 2))
  if (violation) console.error(`✖ ${violation}`)
  return !violation
}

const some = async (seconds) => {
  const module = await compileSimulation('sound')
  const known = JSON.parse(await readFile(new URL('seeds.json', folder), 'utf8'))
  console.log('Seeds that failed once:')
  const wasGood = report(await simulateAll(module, known.values()))
  const end = Date.now() + seconds * 1_000
  console.log('Fresh seeds:')
  return report(await simulateAll(module, fresh(), () => Date.now() >= end)) && wasGood
}

const faults = async () => {
  const { default: all } = await import(new URL('faults.mjs', folder))
  let found = 0
  for (const [index, fault] of all.entries()) {
    const isFound = ({ violation }) => fault.finds.test(violation ?? '')
    const module = await compileSimulation(`fault-${index}`, fault)
    const begin = Date.now()
    const outcomes = await simulateAll(
      module,
      fresh(fault.nodes ?? 1),
      (ended) => Date.now() - begin > FAULT_LIMIT || ended.some(isFound),
    )
    const failed = outcomes.find(isFound)
    if (failed) found += 1
    console.log(
      failed
        ? `✔ ${fault.name}: after ${Math.round((Date.now() - begin) / 1_000)} s, seed ${failed.seed}: ${failed.violation}`
        : `✖ ${fault.name}: not found`,
    )
  }
  console.log(`${found} of ${all.length} faults were found.`)
  return found === all.length
}

await buildLibrary()
const isGood = await (values.faults
  ? faults()
  : values.seed === undefined
    ? some(Number(values.seconds ?? 60))
    : one(Number(values.seed)))
process.exitCode = isGood ? 0 : 1
