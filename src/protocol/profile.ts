import { byteLength, limits } from './limits.js'
import { object, optional, record, shape, text, type Checked, type JsonObject } from './schema.js'

/** The runtimes of gateways and backends have this method, but the `lib` in tsconfig.json (ES2022) does not declare it. */
declare const URL: { canParse(text: string): boolean }

/** Refuses blanks, control characters, backslashes and a missing slash: URL parsers accept these, but other code perhaps does not. */
const isHttpsUrl = (url: string): boolean => /^https:\/\/[^\s\p{Cc}\\]+$/iu.test(url) && URL.canParse(url)

/** The fields of a profile. If a row is added, the compiler and the tests name all other places that need the field. */
export const profileFields = {
  name: optional(text),
  email: optional(text),
  photoUrl: optional(text),
  locale: optional(text),
  role: optional(text),
  /** Fields that the app names itself. */
  custom: optional(record(text)),
}

/** A user's data besides the id, at most 4 kB as JSON. */
export const profile = shape(profileFields)
export type Profile = Checked<typeof profile>

interface Rule<Value> {
  readonly isObeyedBy: (value: Value) => boolean
  /** What the value must be, as errors say it. */
  readonly says: string
}

/** The rules of a field's value, beyond its type. */
const rules: { readonly [K in keyof Profile]?: Rule<NonNullable<Profile[K]>> } = {
  photoUrl: { isObeyedBy: isHttpsUrl, says: 'an https URL' },
}

const names = /* @__PURE__ */ Object.keys(profileFields) as (keyof Profile)[]

const obeysRule = <K extends keyof Profile>(name: K, value: Profile[K]): boolean =>
  value === undefined || (rules[name]?.isObeyedBy(value) ?? true)

/**
 * Returns whether no text of a profile has half a surrogate pair. UTF-8 can't write such a half. Some encoders replace it and others fail,
 * so systems would disagree about the text.
 */
const isWellFormed = ({ custom = {}, ...lines }: Profile): boolean =>
  ![...Object.values(lines), ...Object.entries(custom).flat()].some((line) => /\p{Surrogate}/u.test(line))

const describeRule = (): string =>
  `A profile has only text of well-formed Unicode in ${names
    .filter((name) => name !== 'custom')
    .map((name) => (rules[name] ? `'${name}' (${rules[name].says})` : `'${name}'`))
    .join(', ')} and the values of 'custom', at most ${limits.profile} bytes as JSON.`

/** Describes the profiles that `parseProfile` accepts. */
export const PROFILE_RULE = /* @__PURE__ */ describeRule()

/** Returns the known fields of `value`; undefined if one of them is wrong. */
const parseFields = (value: unknown): Profile | undefined => {
  if (!profile(value) || !names.every((name) => obeysRule(name, value[name]))) return undefined
  const known: Profile = Object.fromEntries(
    names.filter((name) => value[name] !== undefined).map((name) => [name, value[name]]),
  )
  return isWellFormed(known) ? known : undefined
}

const bytesOf = (known: Profile): number => byteLength(JSON.stringify(known))

/**
 * Returns the profile in `value`, or undefined if it is not a profile. Unknown fields are left out, because a backend may pass a whole row
 * of its database as the user. Nobody must be able to read that row in a browser's token, and its `id` must not replace the user's id.
 */
export const parseProfile = (value: unknown): Profile | undefined => {
  const known = parseFields(value)
  return known && bytesOf(known) <= limits.profile ? known : undefined
}

/** Returns the first field for which `value` is not a profile, and why; undefined for a profile. */
const problemOf = (value: JsonObject): { name: keyof Profile; text: string } | undefined => {
  const wrong = names.find((name) => value[name] !== undefined && !parseFields({ [name]: value[name] }))
  if (wrong) {
    const ofText = wrong === 'custom' ? 'an object of texts' : 'a text'
    const shape = rules[wrong]?.says ?? `${ofText} of well-formed Unicode`
    return { name: wrong, text: `'${wrong}' must be ${shape}, or be left out` }
  }
  const known = parseFields(value) ?? {}
  const size = bytesOf(known)
  if (size <= limits.profile) return undefined
  const sizeOf = (name: keyof Profile): number => bytesOf({ [name]: known[name] })
  const name = names.reduce((one, other) => (sizeOf(other) > sizeOf(one) ? other : one))
  const text = `it has ${size} bytes as JSON, ${limits.profile} at most are allowed, and most of them are in '${name}'`
  return { name, text }
}

/** Returns why `value` is not a profile, with the name of the wrong field: `'photoUrl' must be an https URL`; undefined for a profile. */
export const profileProblem = (value: unknown): string | undefined =>
  object(value) ? problemOf(value)?.text : 'it must be an object'

/** Returns the profile in `value` without the fields for which it is none, and why each of these is left out. */
export const fittingProfile = (value: JsonObject): { profile: Profile; problems: string[] } => {
  const problem = problemOf(value)
  if (!problem) return { profile: parseFields(value) ?? {}, problems: [] }
  const { profile, problems } = fittingProfile({ ...value, [problem.name]: undefined })
  return { profile, problems: [problem.text, ...problems] }
}

/** Returns the known fields of `value`, with null in place of those of another type. */
export const knownFields = (value: JsonObject): JsonObject =>
  Object.fromEntries(
    names
      .filter((name) => value[name] !== undefined)
      .map((name) => [name, profileFields[name](value[name]) ? value[name] : null]),
  )
