import { byteLength, limits, profile, type Profile } from '../protocol/index.js'

const fields = Object.keys({
  name: true,
  email: true,
  photoUrl: true,
  locale: true,
  role: true,
  custom: true,
} satisfies Record<keyof Profile, true>) as (keyof Profile)[]

/** The URL parser forgives blanks, line breaks and a missing slash; what other code will read has none of those. */
const isHttpsUrl = (text: string): boolean => /^https:\/\/[^\s\p{Cc}\\]+$/iu.test(text) && URL.canParse(text)

/**
 * The profile in `value`, or undefined when it is none. Fields that no profile has are left out: a whole database row
 * given as a user must not end up readable in a browser's token, nor an `id` in it override the user's.
 */
export const readProfile = (value: unknown): Profile | undefined => {
  if (!profile(value)) return undefined
  if (value.photoUrl !== undefined && !isHttpsUrl(value.photoUrl)) return undefined
  const known: Profile = Object.fromEntries(
    fields.filter((field) => value[field] !== undefined).map((field) => [field, value[field]]),
  )
  return byteLength(JSON.stringify(known)) <= limits.profile ? known : undefined
}
