import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import type { Script } from './client/port.js'
import type { KeyKind } from './keys.js'
import { withValues } from './lua/prelude.js'

/** A script with the kinds of its keys. */
export interface Step extends Script {
  readonly keys: readonly KeyKind[]
}

/** A script that does the same in several partitions. A call names the keys of the first partition, then those of the second, and so on. */
export interface BatchStep extends Step {
  readonly isBatch: true
}

type Part = 'state' | 'queue' | 'webhooks' | 'sessions' | 'inbox' | 'peers' | 'rate' | 'events'

interface StepOptions {
  /** The parts that the script needs besides the base, in this order. */
  parts?: readonly Part[]
  repeatable?: boolean
}

const cache = new Map<string, string>()
const sourceOf = (name: string): string => {
  const known = cache.get(name)
  if (known !== undefined) return known
  const source = readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8')
  cache.set(name, source)
  return source
}

/** Returns Lua that gives the keys of a step their names. */
const namesOf = (keys: readonly KeyKind[]): string => {
  const field = (start: string): string =>
    keys
      .flatMap((kind, n) => {
        const name = kind.startsWith('from.') ? kind.slice(5) : kind
        const isSenders = name !== kind
        return isSenders === (start === 'FROM') ? [`${name}=KEYS[${n + 1}]`] : []
      })
      .join(',')
  return `local K={${field('K')}}\nlocal FROM={${field('FROM')}}\n`
}

/** Returns the Lua of the base and of parts. */
const partsOf = (parts: readonly Part[] = []): string =>
  ['base', ...parts].map((part) => sourceOf(`lua/${part}`)).join('\n')

/** Makes a step. `path` is that of the script's file, without the extension. The script's name is the name of the file. */
const stepOf = (
  path: string,
  keys: readonly KeyKind[],
  lua: string,
  { repeatable = false }: StepOptions,
): Step => {
  const source = withValues(lua)
  return {
    name: basename(path),
    keys,
    repeatable,
    source,
    sha: createHash('sha1').update(source).digest('hex'),
  }
}

/** Makes a step from the Lua files of its parts and of the script. */
export const defineStep = (name: string, keys: readonly KeyKind[], options: StepOptions = {}): Step =>
  stepOf(name, keys, `${namesOf(keys)}${partsOf(options.parts)}\n${sourceOf(name)}`, options)

/**
 * Makes a step whose Lua file runs once for each partition. What the file returns is the result of that partition. The file may run twice,
 * because it only reads, or because its second run changes nothing.
 */
export const defineBatchStep = (
  name: string,
  keys: readonly KeyKind[],
  parts: readonly Part[] = [],
): BatchStep => {
  const names = keys.map((kind, n) => `${kind}=KEYS[first+${n}]`).join(',')
  const source = `local K
${partsOf(parts)}
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
