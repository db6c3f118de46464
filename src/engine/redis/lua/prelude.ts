import { engineRules } from '../../rules.js'
import { fields } from './fields.js'

type Value = string | number | readonly string[]

const luaOf = (value: Value): string =>
  typeof value === 'object' ? `{${value.map(luaOf).join(',')}}` : JSON.stringify(value)

/** The tables that scripts may name: the rules, and the names of the fields of each kind of record. */
const tables: readonly [name: string, table: Readonly<Record<string, Value>>][] = [
  ['RULES', engineRules],
  ...Object.entries(fields).map(([name, table]) => [name.toUpperCase(), table] as [string, typeof table]),
]

/**
 * Returns the Lua that begins a script: the tables that the script names, each with the entries that the script names, so that a call does
 * not build the whole tables. A table is whole if the script uses it otherwise than as `TABLE.entry`. Throws if there is no such entry.
 */
export const preludeOf = (source: string): string =>
  tables
    .map(([name, table]) => {
      const named = [...source.matchAll(new RegExp(`\\b${name}\\.(\\w+)`, 'g'))].map(
        ([, entry = '']) => entry,
      )
      const isWhole = new RegExp(`\\b${name}\\b(?!\\.)`).test(source)
      const entries = [...new Set(isWhole ? [...named, ...Object.keys(table)] : named)].map((entry) => {
        const value = table[entry]
        if (value === undefined) throw new TypeError(`A script names ${name}.${entry}, which does not exist.`)
        return `${entry}=${luaOf(value)}`
      })
      return entries.length > 0 ? `local ${name}={${entries.join(',')}}\n` : ''
    })
    .join('')
