import type { Profile } from '../session/index.js'

export type AppId = 'playground' | 'strict'

export type WayId =
  | 'token'
  | 'token-fetcher'
  | 'lapsing-url'
  | 'token-url'
  | 'signature'
  | 'auth-params'
  | 'guest'
  | 'wrong-token'
  | 'nothing'

export type ProfileField = Exclude<keyof Profile, 'custom'>

/** What a person chose for the session. */
export interface Choice {
  appId: AppId
  way: WayId
  userId: string
  profile: Partial<Record<ProfileField, string>>
  password: string
  notifications: boolean
}

export interface Way {
  label: string
  hint: string
  /** Seconds that its tokens are good for; left out where it has none. */
  lifetime?: number
  /** There is a source that can be asked for another token, and can be logged out of. */
  source?: boolean
}

export const apps: Record<AppId, { label: string; hint: string }> = {
  playground: { label: 'playground', hint: 'A test app: guests welcome, profiles as the page says.' },
  strict: {
    label: 'strict',
    hint: 'As in production: no guests, tokens must lapse, profiles come from the backend.',
  },
}

export const ways: Record<WayId, Way> = {
  token: { label: 'Token', hint: 'Made by the backend, good for an hour.', lifetime: 3600 },
  'token-fetcher': {
    label: 'Token of 10 s + tokenFetcher',
    hint: 'A function of the page fetches the next one before it lapses.',
    lifetime: 10,
    source: true,
  },
  'lapsing-url': {
    label: 'Token of 10 s + token-url',
    hint: 'The element fetches the next one from an address of the backend.',
    lifetime: 10,
    source: true,
  },
  'token-url': {
    label: 'token-url alone',
    hint: 'The first token is fetched too. Each is good for 30 s.',
    lifetime: 30,
    source: true,
  },
  signature: { label: 'Signature', hint: 'HMAC-SHA256 of the user id. It never lapses.' },
  'auth-params': { label: 'Auth params', hint: 'Checked by the gateway’s own authenticate function.' },
  guest: { label: 'Guest', hint: 'No proof at all; the id begins with guest:' },
  'wrong-token': {
    label: 'Wrong token',
    hint: 'Its signature is not the backend’s: refused.',
    lifetime: 3600,
  },
  nothing: {
    label: 'Nothing',
    hint: 'The page is asked by session-token-needed, and you answer.',
    lifetime: 3600,
  },
}

export const people = [
  { userId: 'alice', name: 'Alice Moreau' },
  { userId: 'bob', name: 'Bob Okafor' },
  { userId: 'chiyo', name: 'Chiyo Tanaka' },
  { userId: 'david', name: 'David Lindqvist' },
] as const

/** The person after this one; the first after somebody else. */
export const nextPerson = (userId: string): (typeof people)[number] => {
  const index = people.findIndex((person) => person.userId === userId)
  return people[(index + 1) % people.length] ?? people[0]
}

/** What a panel begins with. */
export const choiceFor = (
  { userId, name }: { userId: string; name: string },
  way: WayId = 'token',
): Choice => ({
  appId: 'playground',
  way,
  userId,
  profile: { name },
  password: 'open sesame',
  notifications: false,
})

/** Who is there when the page opens. */
export const firstChoices: readonly Choice[] = [
  choiceFor(people[0]),
  choiceFor(people[1]),
  choiceFor({ userId: 'visitor', name: 'Visitor' }, 'guest'),
]

/** The element's attribute for each field of a profile. */
export const profileAttributes = {
  name: 'user-name',
  email: 'user-email',
  photoUrl: 'user-photo-url',
  locale: 'user-locale',
  role: 'user-role',
} as const satisfies Record<ProfileField, string>

export const entriesOf = <K extends string, V>(record: Partial<Record<K, V>>): [K, V][] =>
  Object.entries(record) as [K, V][]
