import type { ChatSession, Credentials, Profile } from '../../session/index.js'
import { attachParts, type Attachable } from '../parts/attached-parts.js'
import { changedFields, hasCredentials, type DesiredSession } from './desired-session.js'

/** An element that uses a session. */
type Member = HTMLElement & Partial<Record<Attachable, unknown>>

/** A session, with the elements that use it and the state that they share. */
export interface SharedSession {
  session: ChatSession
  members: Set<Member>
  /** The latest value of each credential, whichever element set it. */
  credentials: Credentials
  /** The latest value of each field of the profile, whichever element set it. */
  profileFields: Profile
  /** Attaches the parts that the elements ask for now. */
  updateParts: () => void
}

/** The sessions of this page by the `key` of DesiredSession. A session lives until its last member leaves. */
export const sharedSessions = new Map<string, SharedSession>()

/** Shares a session under the key. The caller adds the first member. */
export const share = (
  session: ChatSession,
  { key, profileFields }: DesiredSession,
  credentials: Credentials,
): SharedSession => {
  const members = new Set<Member>()
  const updateParts = attachParts(session, (filter) => firstOf(members, document, filter))
  const shared = { session, members, credentials, profileFields, updateParts }
  sharedSessions.set(key, shared)
  return shared
}

/** Removes `member`. The session ends with its last member. */
export const leave = (
  key: string,
  { session, members, updateParts }: SharedSession,
  member: Member,
): void => {
  members.delete(member)
  if (!members.size) {
    // The key is deleted before the end: a listener to the end may make an element join under the same key, and it must get a new session.
    sharedSessions.delete(key)
    void session.end(true)
  }
  updateParts()
}

/** Returns the element itself, or the host of the outermost shadow tree around it. Only elements of one tree have a document order. */
const outermostHost = (element: Element): Element => {
  const root = element.getRootNode()
  return 'host' in root ? outermostHost((root as ShadowRoot).host) : element
}

/** Returns the first member, in document order, that is in `document` and passes the filter. */
export const firstOf = (
  members: Iterable<Member>,
  document: Document,
  filter: (member: Member) => boolean,
): Member | undefined =>
  [...members]
    .filter((member) => member.isConnected && member.ownerDocument === document && filter(member))
    .sort((one, other) =>
      outermostHost(one).compareDocumentPosition(outermostHost(other)) & Node.DOCUMENT_POSITION_FOLLOWING
        ? -1
        : 1,
    )[0]

/** Returns whether only a new start can use these credentials. A live session accepts a new token, and no other credential. */
const areForStart = ({ token, signature, authParams, guest }: Credentials): boolean =>
  !token && !!(signature || authParams || guest)

/** Applies the differences between `previous` and `desired` to the shared session. The latest change of any element wins. */
export const applyChanges = (
  shared: SharedSession,
  desired: DesiredSession,
  previous?: DesiredSession,
): void => {
  const { session } = shared
  shared.updateParts()
  const set = changedFields(previous?.credentials, desired.credentials)
  const fresh = changedFields(shared.credentials, set)
  shared.credentials = { ...shared.credentials, ...set }
  const needsStart = areForStart(fresh)
  const restart = needsStart && session.sessionId !== null
  // An element that joins a live session must not restart it with credentials of its own.
  if (!restart || previous) {
    const { tokenFetcher, tokenUrl } = shared.credentials
    if (restart) void session.end()
    session.setCredentials(needsStart ? fresh : { tokenFetcher, tokenUrl, token: fresh.token })
    // A page may set a new function each time it renders, and may render because the session has failed. If each new function started the
    // session, it would start and fail for ever. So only an element's first function counts.
    const first = previous?.credentials.tokenFetcher ? null : fresh.tokenFetcher
    if (restart || (session.state === 'failed' && hasCredentials({ ...fresh, tokenFetcher: first })))
      void session.start()
  }
  const profile = changedFields(
    shared.profileFields,
    changedFields(previous?.profileFields, desired.profileFields),
  )
  shared.profileFields = { ...shared.profileFields, ...profile }
  if (Object.keys(profile).length)
    session.setProfile(profile).catch((error: unknown) => {
      // An ended session keeps the change for its next start, so nothing has failed.
      if (session.sessionId) session.dispatchEvent(new CustomEvent('error', { detail: { error } }))
    })
}
