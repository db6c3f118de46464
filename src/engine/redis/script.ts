import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Script } from './client/port.js'
import type { KeyKind } from './keys.js'
import { preludeOf } from './prelude.js'

/** A script with the kinds of its keys. */
export interface Step extends Script {
  readonly keys: readonly KeyKind[]
}

/** A script that does the same in several partitions. A call has the keys of the first partition, then those of the second, and so on. */
export interface BatchStep extends Step {
  readonly isBatch: true
}

type Part = 'state' | 'webhooks' | 'sessions' | 'inbox' | 'rate' | 'events'

interface StepOptions {
  /** The parts that the script needs besides the base, in this order. */
  parts?: readonly Part[]
  repeatable?: boolean
}

const cache = new Map<string, string>()
const sourceOf = (name: string): string => {
  const known = cache.get(name)
  if (known !== undefined) return known
  const source = readFileSync(new URL(`./lua/${name}.lua`, import.meta.url), 'utf8')
  cache.set(name, source)
  return source
}

/** Lua that gives a step's keys their names. */
const namesOf = (keys: readonly KeyKind[]): string => {
  const field = (start: string): string =>
    keys
      .flatMap((kind, n) => {
        const name = kind.startsWith('from.') ? kind.slice(5) : kind
        const isSenders = name !== kind
        return isSenders === (start === 'F') ? [`${name}=KEYS[${n + 1}]`] : []
      })
      .join(',')
  return `local K={${field('K')}}\nlocal F={${field('F')}}\n`
}

const join = (names: readonly string[]): string => names.map(sourceOf).join('\n')

const stepOf = (
  name: string,
  keys: readonly KeyKind[],
  lua: string,
  { repeatable = false }: StepOptions,
): Step => {
  const source = preludeOf(lua) + lua
  return { name, keys, repeatable, source, sha: createHash('sha1').update(source).digest('hex') }
}

/** Makes a step from the Lua files of its parts and of its name. */
export const defineStep = (name: string, keys: readonly KeyKind[], options: StepOptions = {}): Step =>
  stepOf(name, keys, namesOf(keys) + join(['base', ...(options.parts ?? []), name]), options)

/** Makes a step whose Lua file runs once for each partition. What it returns is the result of that partition. It only reads, or may run twice. */
export const defineBatchStep = (
  name: string,
  keys: readonly KeyKind[],
  parts: readonly Part[] = [],
): BatchStep => {
  const names = keys.map((kind, n) => `${kind}=KEYS[first+${n}]`).join(',')
  const source = `local K
${join(['base', ...parts])}
local function step()
${sourceOf(name)}
end
local results = {}
for first = 1, #KEYS, ${keys.length} do
  K = {${names}}
  results[#results + 1] = step()
end
return reply(unpack(results))`
  return { ...stepOf(name, keys, source, { repeatable: true }), isBatch: true }
}
