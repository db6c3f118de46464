/** Returns whether a parsed JSON value has the shape `T`. Extra fields are allowed. No value is converted. */
export type Check<T> = (value: unknown) => value is T

/** The type that a check narrows to. */
export type Checked<C> = C extends Check<infer T> ? T : never

type Checks = Readonly<Record<string, Check<unknown>>>
type OptionalKeys<S extends Checks> = { [K in keyof S]: undefined extends Checked<S[K]> ? K : never }[keyof S]
type Shape<S extends Checks> = { [K in Exclude<keyof S, OptionalKeys<S>>]: Checked<S[K]> } & {
  [K in OptionalKeys<S>]?: Exclude<Checked<S[K]>, undefined>
}

export type JsonObject = Record<string, unknown>

export const text: Check<string> = (value) => typeof value === 'string'
export const boolean: Check<boolean> = (value) => typeof value === 'boolean'
/** A finite number. `JSON.parse` reads 1e999 as Infinity, which is refused. */
export const number: Check<number> = (value): value is number => Number.isFinite(value)
/** A safe integer, 0 or greater. JavaScript would round a larger one. */
export const count: Check<number> = (value): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0
export const object: Check<JsonObject> = (value): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export const literal =
  <const T>(wanted: T): Check<T> =>
  (value): value is T =>
    value === wanted

export const optional =
  <T>(check: Check<T>): Check<T | undefined> =>
  (value): value is T | undefined =>
    value === undefined || check(value)

export const nullable =
  <T>(check: Check<T>): Check<T | null> =>
  (value): value is T | null =>
    value === null || check(value)

export const list =
  <T>(check: Check<T>): Check<T[]> =>
  (value): value is T[] =>
    Array.isArray(value) && value.every(check)

export const record =
  <T>(check: Check<T>): Check<Record<string, T>> =>
  (value): value is Record<string, T> =>
    object(value) && Object.values(value).every(check)

/** Returns the first field of `value` that is missing or of the wrong type. */
export const wrongField = (checks: Checks, value: object): string | undefined => {
  // `find` would make a closure for each frame.
  for (const key of Object.keys(checks)) if (!checks[key]?.((value as JsonObject)[key])) return key
  return undefined
}

export const shape =
  <S extends Checks>(checks: S): Check<Shape<S>> =>
  (value): value is Shape<S> =>
    object(value) && wrongField(checks, value) === undefined

/** The fields of every frame by its type: `{ token: { token: text } }`. */
export type FrameTable = Readonly<Record<string, Checks>>

/** The union of all frames of a table, discriminated by `type`. */
export type FrameOf<T extends FrameTable> = { [K in keyof T]: { type: K } & Shape<T[K]> }[keyof T]
