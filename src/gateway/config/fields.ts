import * as v from 'valibot'

/**
 * Keys (and one value) of the config that this version doesn't have yet. They are refused by name: a rule that
 * somebody wrote down must never be ignored in silence. Delete a row when its feature is there.
 */
const notYet: readonly string[] = [
  'admin',
  'limits',
  'engine.type=redis',
  'engine.url',
  'apps.*.authenticateUrl',
  'apps.*.webhooks',
]

/** The environment's variables, as `process.env` has them. */
export type Env = Readonly<Record<string, string | undefined>>

export type Path = readonly (string | number)[]

/** One reading of a config: what it is read with, and what it has come upon so far. */
export interface Reading {
  env: Env
  problems: string[]
  /** Every secret met so far, and where it stands. */
  secrets: Map<string, string>
}

const step = (key: string | number): string => {
  if (typeof key === 'number') return `[${key}]`
  return /^[\w-]{1,64}$/.test(key) ? `.${key}` : `[${JSON.stringify(key.slice(0, 64))}]`
}

/** `apps.hF83jaq.secrets[0]`. */
export const pathText = (path: Path): string => path.map(step).join('').replace(/^\./, '') || 'config'

/**
 * Notes what is wrong at `path`. A sentence says the rule and what to do, and holds no value of the config: people put
 * secrets in the wrong places.
 */
export const report = (reading: Reading, path: Path, sentence: string): void => {
  reading.problems.push(`${pathText(path)}: ${sentence}`)
}

/** What a sentence about a row of `notYet` begins with, if this is one: nothing for a key, else the value. */
const pending = (path: Path, value: unknown): string | undefined => {
  const row = path.map((key, index) => (path[0] === 'apps' && index === 1 ? '*' : key)).join('.')
  if (notYet.includes(row)) return ''
  return typeof value === 'string' && notYet.includes(`${row}=${value}`) ? `"${value}" is ` : undefined
}

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

type Table = Record<string, v.GenericSchema<unknown, unknown>>
type Fields<T extends Table> = { [K in keyof T]?: v.InferOutput<T[K]> }

/**
 * Reads an object field by field, so that one wrong field hides no other and all problems are told at once. What is
 * absent or wrong is left out of the answer. (A strict schema for the whole object names one unknown key only, and
 * takes `toString` for a known one.)
 */
export const readFields = <T extends Table>(
  reading: Reading,
  path: Path,
  table: T,
  value: unknown,
): Fields<T> => {
  const fields: Fields<T> = {}
  if (!isObject(value)) {
    report(reading, path, 'must be an object')
    return fields
  }
  const later = new Set<string>()
  for (const key of Object.keys(value)) {
    if (value[key] === undefined) continue
    const at = [...path, key]
    const what = pending(at, value[key])
    if (what !== undefined) {
      later.add(key)
      report(reading, at, `${what}not available in this version yet`)
    } else if (!Object.hasOwn(table, key))
      report(reading, at, `unknown key; those known here are ${Object.keys(table).join(', ')}`)
  }
  for (const key of Object.keys(table) as (keyof T & string)[]) {
    const schema = table[key]
    if (!schema || later.has(key)) continue
    const given = Object.hasOwn(value, key) ? value[key] : undefined
    const result = v.safeParse(schema, given, { abortPipeEarly: true })
    if (result.success) fields[key] = result.output
    else
      for (const issue of result.issues) {
        const within = (issue.path ?? []).map((item) => item.key as string | number)
        const sentence = given === undefined ? `is missing: ${issue.message}` : issue.message
        report(reading, [...path, key, ...within], sentence)
      }
  }
  return fields
}

/** A text that says something; `wants` completes "must be". */
export const text = (wants: string, pattern = /\S/) =>
  v.pipe(v.string(`must be ${wants}`), v.regex(pattern, `must be ${wants}`))

export const flag = v.boolean('must be true or false')

export const oneOf = <const T extends readonly string[]>(options: T) =>
  v.picklist(options, `must be ${options.map((option) => `"${option}"`).join(' or ')}`)

export const whole = (from: number, to: number) => {
  const sentence = `must be a whole number from ${from} to ${to}`
  return v.pipe(v.number(sentence), v.integer(sentence), v.minValue(from, sentence), v.maxValue(to, sentence))
}

/** Seconds as written, milliseconds as read. */
export const seconds = (from: number, to: number) => {
  const sentence = `must be a number of seconds from ${from} to ${to}`
  return v.pipe(
    v.number(sentence),
    v.minValue(from, sentence),
    v.maxValue(to, sentence),
    v.transform((value) => Math.round(value * 1000)),
  )
}
