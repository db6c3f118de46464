import type { profileAttributes } from '../../element/internal.js'
import type { Credentials } from '../../session/index.js'

export type ProfileField = NonNullable<(typeof profileAttributes)[keyof typeof profileAttributes]>

/** One of a few things from which a person chooses. */
export interface Choice {
  label: string
  hint: string
}

interface LoginMethod extends Choice {
  /** The credentials that the page gives to the element. */
  credentials: readonly (keyof Credentials)[]
  /** Seconds until the method's tokens expire; absent if the method has no tokens. */
  lifetime?: number
}

export const apps = {
  playground: { label: 'playground', hint: 'A test app: it admits guests, and the page may set profiles.' },
  strict: {
    label: 'strict',
    hint: 'As in production: no guests, expiring tokens, profiles from the backend.',
  },
} as const satisfies Record<string, Choice>
type AppId = keyof typeof apps

const methods = {
  token: {
    label: 'Token',
    hint: 'The backend makes it, valid for an hour.',
    credentials: ['token'],
    lifetime: 3600,
  },
  'token-fetcher': {
    label: 'Token of 10 s + tokenFetcher',
    hint: 'A function of the page fetches the next token before this one expires.',
    credentials: ['token', 'tokenFetcher'],
    lifetime: 10,
  },
  'token-and-url': {
    label: 'Token of 10 s + token-url',
    hint: 'The element fetches the next token from a URL of the backend.',
    credentials: ['token', 'tokenUrl'],
    lifetime: 10,
  },
  'token-url': {
    label: 'token-url alone',
    hint: 'The element fetches the first token too. Each is valid for 30 s.',
    credentials: ['tokenUrl'],
    lifetime: 30,
  },
  signature: {
    label: 'Signature',
    hint: 'HMAC-SHA256 of the user id; never expires.',
    credentials: ['signature'],
  },
  'auth-params': {
    label: 'Auth params',
    hint: 'The gateway’s own authenticate function checks them.',
    credentials: ['authParams'],
  },
  guest: { label: 'Guest', hint: 'No credentials; the id begins with guest:', credentials: ['guest'] },
  'wrong-token': {
    label: 'Wrong token',
    hint: 'The backend did not sign it, so the gateway refuses it.',
    credentials: ['token'],
    lifetime: 3600,
  },
  nothing: {
    label: 'Nothing',
    hint: 'The element asks the page by session-token-needed, and you answer.',
    credentials: [],
    lifetime: 3600,
  },
} as const satisfies Record<string, LoginMethod>
export type LoginMethodId = keyof typeof methods
export const loginMethods: Record<LoginMethodId, LoginMethod> = methods

/** The settings of one user's session. */
export interface Settings {
  appId: AppId
  method: LoginMethodId
  userId: string
  profile: Partial<Record<ProfileField, string>>
  password: string
  notifications: boolean
}

export const sampleUsers = [
  { userId: 'alice', name: 'Alice Moreau' },
  { userId: 'bob', name: 'Bob Okafor' },
  { userId: 'chiyo', name: 'Chiyo Tanaka' },
  { userId: 'david', name: 'David Lindqvist' },
] as const

/** Returns the sample user after `userId`; the first sample user if `userId` is none of them. */
export const nextUser = (userId: string): (typeof sampleUsers)[number] => {
  const index = sampleUsers.findIndex((user) => user.userId === userId)
  return sampleUsers[(index + 1) % sampleUsers.length] ?? sampleUsers[0]
}

export const settingsFor = (
  { userId, name }: { userId: string; name: string },
  method: LoginMethodId = 'token',
): Settings => ({
  appId: 'playground',
  method,
  userId,
  profile: { name },
  password: 'open sesame',
  notifications: false,
})

export const entriesOf = <K extends string, V>(record: Partial<Record<K, V>>): [K, V][] =>
  Object.entries(record) as [K, V][]
