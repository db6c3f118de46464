import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Script } from './client/port.js'
import type { KeyKind } from './keys.js'

/** A script with the kinds of its keys. */
export interface Step extends Script {
  readonly keys: readonly KeyKind[]
}

type Part = 'webhooks' | 'sessions' | 'inbox' | 'rate' | 'events'

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

/** Makes a step from the Lua files of its parts and of its name. */
export const defineStep = (
  name: string,
  keys: readonly KeyKind[],
  { parts = [], repeatable = false }: StepOptions = {},
): Step => {
  const source = namesOf(keys) + ['base', ...parts, name].map(sourceOf).join('\n')
  return { name, keys, repeatable, source, sha: createHash('sha1').update(source).digest('hex') }
}
