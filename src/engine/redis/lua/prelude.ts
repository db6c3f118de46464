import { engineRules } from '../../rules.js'
import { awayArgs, sendArgs, sent } from './send-call.js'
import { fields } from './fields.js'

type Value = string | number | readonly string[]

const luaOf = (value: Value): string =>
  typeof value === 'object' ? `{${value.map(luaOf).join(',')}}` : JSON.stringify(value)

/** The tables that scripts may name: the rules, and the names of the fields of each kind of record. */
const tables: readonly [name: string, table: Readonly<Record<string, Value>>][] = [
  ['RULES', engineRules],
  ...Object.entries(fields).map(([name, table]) => [name.toUpperCase(), table] as [string, typeof table]),
]

/** Lists of names that scripts have as variables. */
const lists: Readonly<Record<string, readonly string[]>> = {
  SEND_ARGS: sendArgs,
  AWAY_ARGS: awayArgs,
  SENT: sent,
}

/**
 * Returns a script in which the name of each list is replaced by the names in the list, and each `TABLE.entry` by its value: a constant is
 * faster than a look into a table. If the script also uses a table without naming an entry, the returned script begins with the whole
 * table. Throws if a table lacks an entry that the script names.
 */
export const withValues = (source: string): string => {
  let begin = ''
  let script = source
  for (const [name, names] of Object.entries(lists))
    script = script.replaceAll(new RegExp(`\\b${name}\\b`, 'g'), names.join(', '))
  for (const [name, table] of tables) {
    script = script.replace(new RegExp(`\\b${name}\\.(\\w+)`, 'g'), (_, entry: string) => {
      const value = table[entry]
      if (value === undefined) throw new TypeError(`A script names ${name}.${entry}, which does not exist.`)
      return luaOf(value)
    })
    const code = script.replace(/--.*/g, '')
    if (new RegExp(`\\b${name}\\b`).test(code))
      begin += `local ${name}={${Object.entries(table)
        .map(([entry, value]) => `${entry}=${luaOf(value)}`)
        .join(',')}}\n`
  }
  return begin + script
}
