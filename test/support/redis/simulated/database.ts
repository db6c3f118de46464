import type { SortedSet } from './sorted-set.js'

/** An entry of a stream whose ids are `offset-0`. */
interface StreamEntry {
  readonly offset: number
  readonly fields: readonly string[]
}

/** The types of Redis, and how the simulated Redis keeps a value of each. */
export interface Values {
  string: { text: string }
  hash: Map<string, string>
  list: string[]
  zset: SortedSet
  stream: { entries: StreamEntry[]; last: number }
}

/** A key's value, and the time from which the key does not exist. */
type Row = { [Type in keyof Values]: { type: Type; value: Values[Type]; until: number } }[keyof Values]
/** Plain data, which `structuredClone` copies. */
export type Rows = Map<string, Row>

/** An error as scripts throw it. `problem` is what the script has passed to `error`, or a table with `err`. */
export class LuaError extends Error {
  readonly problem: unknown

  constructor(problem: unknown) {
    super(typeof problem === 'string' ? problem : JSON.stringify(problem))
    this.problem = problem
  }
}

export const redisError = (message: string): LuaError => new LuaError({ err: message })

const EMPTY: { readonly [Type in keyof Values]: () => Values[Type] } = {
  string: () => ({ text: '' }),
  hash: () => new Map(),
  list: () => [],
  zset: () => ({ scores: new Map(), members: [] }),
  stream: () => ({ entries: [], last: 0 }),
}

/** The keys of a simulated Redis. Every text has a character for each of its bytes, because Lua and Redis count bytes. */
export class Database {
  rows: Rows = new Map()
  /** The time of the server's clock. It stands still while a script runs. */
  now = 0

  row(key: string): Row | undefined {
    const row = this.rows.get(key)
    if (row === undefined || row.until > this.now) return row
    this.rows.delete(key)
    return undefined
  }

  read<Type extends keyof Values>(type: Type, key: string): Values[Type] | undefined {
    const row = this.row(key)
    if (row !== undefined && row.type !== type)
      throw redisError('WRONGTYPE Operation against a key holding the wrong kind of value')
    return row?.value as Values[Type] | undefined
  }

  /** Returns the value of a key, which it makes if there is none. */
  write<Type extends keyof Values>(type: Type, key: string): Values[Type] {
    const known = this.read(type, key)
    if (known !== undefined) return known
    const value = EMPTY[type]()
    this.rows.set(key, { type, value, until: Infinity } as unknown as Row)
    return value
  }

  /** Deletes a key that has no items left. */
  tidy(key: string, { size, length }: { size?: number; length?: number }): void {
    if ((size ?? length) === 0) this.rows.delete(key)
  }
}
