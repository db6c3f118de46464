import type { ChatSession, Credentials, Profile, StartResult } from '../../session/index.js'
import { attachParts, type Attachable } from '../parts/attached-parts.js'
import { changedFields, hasCredentials, type DesiredSession } from './desired-session.js'

/** An element that holds a session. */
type Holder = HTMLElement & Partial<Record<Attachable, unknown>>

/** A session, with the elements that hold it and the state that they share. */
export interface SharedSession {
  session: ChatSession
  holders: Set<Holder>
  /** The value of each credential that any of the elements set last. */
  credentials: Credentials
  /** The value of each field that any of the elements set last. */
  profileFields: Profile
  /** The result of the latest `session.start()`. */
  started?: Promise<StartResult>
  /** Attaches the parts that the elements ask for by now. */
  updateParts: () => void
}

/** The sessions of this page by the `key` of DesiredSession. A session lives until its last holder releases it. */
export const sharedSessions = new Map<string, SharedSession>()

/** Adds `holder` to the session under `key`. `create` makes the session for the first holder. */
export const hold = (
  { key, profileFields }: DesiredSession,
  credentials: Credentials,
  holder: Holder,
  create: () => ChatSession,
): SharedSession => {
  let shared = sharedSessions.get(key)
  if (!shared) {
    const holders = new Set<Holder>()
    const session = create()
    const updateParts = attachParts(session, (filter) => firstOf(holders, document, filter))
    shared = { session, holders, credentials, profileFields, updateParts }
    sharedSessions.set(key, shared)
  }
  shared.holders.add(holder)
  return shared
}

/** Removes `holder`. The session ends with its last holder. */
export const release = (
  key: string,
  { session, holders, updateParts }: SharedSession,
  holder: Holder,
): void => {
  holders.delete(holder)
  if (!holders.size) {
    // A listener of the end that holds the same key must get a new session.
    sharedSessions.delete(key)
    void session.end(true)
  }
  updateParts()
}

/** The element itself, or the host of the outermost shadow tree around it: document order is undefined across shadow trees. */
const outermostHost = (element: Element): Element => {
  const root = element.getRootNode()
  return 'host' in root ? outermostHost((root as ShadowRoot).host) : element
}

/** The first of the holders in document order, of those in `document` that pass the filter. */
export const firstOf = (
  holders: Iterable<Holder>,
  document: Document,
  filter: (holder: Holder) => boolean,
): Holder | undefined =>
  [...holders]
    .filter((holder) => holder.isConnected && holder.ownerDocument === document && filter(holder))
    .sort((one, other) =>
      outermostHost(one).compareDocumentPosition(outermostHost(other)) & Node.DOCUMENT_POSITION_FOLLOWING
        ? -1
        : 1,
    )[0]

/** Returns whether only a new start can use these credentials: a live session takes tokens and nothing else. */
const needsRestart = ({ token, signature, authParams, guest }: Credentials): boolean =>
  !token && !!(signature || authParams || guest)

/** Applies the differences between `previous` and `desired` to the shared session. The latest change of any element wins. */
export const applyChanges = (
  shared: SharedSession,
  desired: DesiredSession,
  previous?: DesiredSession,
): void => {
  const { session } = shared
  shared.updateParts()
  const set = changedFields(previous?.credentials ?? {}, desired.credentials)
  const fresh = changedFields(shared.credentials, set)
  shared.credentials = { ...shared.credentials, ...set }
  const live = session.sessionId !== null
  const restart = needsRestart(fresh)
  // An element that joins a live session must not restart it with credentials of its own.
  if (!restart || !live || previous) {
    const { tokenFetcher, tokenUrl } = shared.credentials
    if (restart && live) void session.end()
    session.setCredentials(restart ? fresh : { tokenFetcher, tokenUrl, token: fresh.token })
    if ((restart && live) || (session.state === 'failed' && hasCredentials(fresh)))
      shared.started = session.start()
  }
  const profile = changedFields(
    shared.profileFields,
    changedFields(previous?.profileFields ?? {}, desired.profileFields),
  )
  shared.profileFields = { ...shared.profileFields, ...profile }
  if (Object.keys(profile).length)
    session.setProfile(profile).catch((error: unknown) => {
      // A session that has ended keeps the change for its next start.
      if (session.sessionId) session.dispatchEvent(new CustomEvent('error', { detail: { error } }))
    })
}
