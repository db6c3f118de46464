import * as v from 'valibot'
import type { FileConfig } from './values.js'

export type Path = readonly (string | number)[]

/** For each key of an object, the schema of the key's value, with the default. */
type Fields = Record<string, v.GenericSchema<unknown, unknown>>

type OptionalKey<F extends Fields> = {
  [K in keyof F]: undefined extends v.InferInput<F[K]> ? K : never
}[keyof F]
/** The compiler keeps the docstring of a key through types that are mapped from `keyof F` alone, and through `Pick` and `Partial`. */
type Inputs<F extends Fields> = { [K in keyof F]: v.InferInput<F[K]> }
type Input<F extends Fields> = Partial<Pick<Inputs<F>, OptionalKey<F>>> &
  Pick<Inputs<F>, Exclude<keyof F, OptionalKey<F>>>
type Output<F extends Fields> = { [K in keyof F]: v.InferOutput<F[K]> }

const formatKey = (key: string | number): string => {
  if (typeof key === 'number') return `[${key}]`
  return /^[\w-]{1,64}$/.test(key) ? `.${key}` : `[${JSON.stringify(key.slice(0, 64))}]`
}

/** Returns a path as text, such as `apps.hF83jaq.secrets[0]`; `config` for the empty path. */
export const formatPath = (path: Path): string => path.map(formatKey).join('').replace(/^\./, '') || 'config'

/** Returns the item for a key in the path of a Valibot issue. The item lacks the key's value, so that the issue keeps no secret. */
export const pathItem = (key: string | number): v.IssuePathItem => ({
  type: 'unknown',
  origin: 'value',
  input: undefined,
  key,
  value: undefined,
})

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** It has a name, so that the compiler does not write out its keys for each place where they occur. */
export interface ObjectSchema<F extends Fields> extends v.GenericSchema<Input<F>, Output<F>> {
  entries: F
}

interface ObjectRules {
  /** Returns the problems of keys that depend on each other. Called even if single keys are wrong. */
  check?: (value: Record<string, unknown>) => { message: string; key?: string }[]
}

/**
 * Returns the schema of an object with these keys and no others. All keys are checked, so that one error hides no other. Valibot's own
 * `strictObject` would name only the first unknown key, and would accept `toString` as a known one.
 */
export const object = <F extends Fields>(fields: F, { check }: ObjectRules = {}): ObjectSchema<F> =>
  v.pipe(
    { ...v.custom<Input<F>>(isObject, 'must be an object'), entries: fields },
    v.rawTransform<Input<F>, Output<F>>(({ dataset, addIssue, NEVER }) => {
      const problems: v.RawTransformIssueInfo<Input<F>>[] = []
      const addProblem = (message: string, ...path: [v.IssuePathItem, ...v.IssuePathItem[]]): void =>
        void problems.push({ message, path })
      const given = new Map<string, unknown>(
        Object.entries(dataset.value).filter(([, value]) => value !== undefined),
      )
      for (const key of given.keys())
        if (!Object.hasOwn(fields, key))
          addProblem(`unknown key; the known keys are ${Object.keys(fields).join(', ')}`, pathItem(key))
      for (const { message, key } of check?.(Object.fromEntries(given)) ?? [])
        problems.push(key === undefined ? { message } : { message, path: [pathItem(key)] })
      const output = new Map<string, unknown>()
      for (const [key, schema] of Object.entries(fields)) {
        const result = v.safeParse(schema, given.get(key), { abortPipeEarly: true })
        if (result.success) {
          if (result.output !== undefined) output.set(key, result.output)
          continue
        }
        for (const { kind, message, path = [] } of result.issues) {
          const isMissing = kind === 'schema' && !given.has(key)
          addProblem(isMissing ? `is missing: ${message}` : message, pathItem(key), ...path)
        }
      }
      for (const problem of problems) addIssue(problem)
      return problems.length === 0 ? (Object.fromEntries(output) as Output<F>) : NEVER
    }),
  )

/** Returns a schema whose output is the value, or null if the key is absent. */
export const orNull = <S extends v.GenericSchema>(schema: S) =>
  v.pipe(
    v.optional(schema),
    v.transform((value): v.InferOutput<S> | null => value ?? null),
  )

/** Returns the schema of a text that is not blank. `expected` completes "must be". */
export const text = (expected: string, pattern = /\S/) =>
  v.pipe(v.string(`must be ${expected}`), v.regex(pattern, `must be ${expected}`))

const pemName = text('the name of a PEM file, or { "file": "PATH" }')
const pemReference = v.pipe(
  object({ file: text('the name of a PEM file') }),
  v.transform(({ file }) => file),
)

/** The schema of a PEM file's name. Its output is the name. */
export const pemFile = v.lazy((value): v.GenericSchema<string | FileConfig, string> =>
  isObject(value) ? pemReference : pemName,
)

export const boolean = v.boolean('must be true or false')

export const oneOf = <const T extends readonly string[]>(options: T) =>
  v.picklist(options, `must be ${options.map((option) => `"${option}"`).join(' or ')}`)

export const environment = oneOf(['test', 'production'])
export type Environment = v.InferOutput<typeof environment>

export const listOf = <S extends v.GenericSchema>(item: S, message: string) =>
  v.pipe(v.array(item, message), v.minLength(1, message))

export const integer = (from: number, to: number) => {
  const message = `must be a whole number from ${from} to ${to}`
  return v.pipe(v.number(message), v.integer(message), v.minValue(from, message), v.maxValue(to, message))
}

/** Returns the schema of a duration: seconds in the config, milliseconds in the settings. */
export const seconds = (from: number, to: number) => {
  const message = `must be a number of seconds from ${from} to ${to}`
  return v.pipe(
    v.number(message),
    v.minValue(from, message),
    v.maxValue(to, message),
    v.transform((value) => Math.round(value * 1000)),
  )
}

/** Returns the schema of a function. Only a config module can have functions; JSON can't. */
export const moduleFunction = <F>() =>
  orNull(
    v.custom<F>(
      (value) => typeof value === 'function',
      'must be a function, which only a config module can have',
    ),
  )
