import type { Profile } from '../session/index.js'
import { warnOnce } from './events/warn-once.js'

/** `photoUrl` in kebab case is `photo-url`. */
export type Kebab<S extends string> = S extends `${infer First}${infer Rest}`
  ? `${First extends Lowercase<First> ? First : `-${Lowercase<First>}`}${Kebab<Rest>}`
  : S

/** Each attribute of the profile, with the field that it sets. If a text field of `Profile` has no row here, this does not compile. */
export const profileAttributes: {
  readonly [K in keyof Profile as string extends Profile[K] ? `user-${Kebab<K>}` : never]-?: K
} = {
  'user-name': 'name',
  'user-email': 'email',
  'user-photo-url': 'photoUrl',
  'user-locale': 'locale',
  'user-role': 'role',
}

/** The warnings that this page has written. Many elements may have the same mistake, which is reported once. */
const written = new Set<string>()

const withoutHyphens = (name: string): string => name.replace(/[-_]/g, '')

/** Warns of misspelt attributes, such as `user_id`, or `appid`, the name that HTML makes of `appId`. */
export const warnOfMisspelt = (element: Element, attributes: readonly string[]): void => {
  for (const name of element.getAttributeNames()) {
    const right = attributes.find((each) => withoutHyphens(each) === withoutHyphens(name))
    if (right && right !== name) warnOnce(written, `has no attribute ${name}: write ${right}`)
  }
}
