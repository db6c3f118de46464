import type { ChatSession, Credentials, Profile } from '../../session/index.js'
import { internals, nextEvent, unverifiedSubject, withTimeout } from '../../session/internal.js'
import type { Member } from '../attach-part.js'
import { attachParts } from '../parts/attached-parts.js'
import { changedFields, hasCredentials, type DesiredSession } from './desired-session.js'

/** Milliseconds that a guest's session has to send what waits before it becomes a user's. */
const SEND_TIME = 5_000

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
  /** Set while the session of a guest becomes that of a user: resolves when the user's session is starting. */
  becoming?: Promise<void> | undefined
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
    void session[internals].close()
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

/**
 * Returns whether the credentials are those of the user with this id, and not of a guest. A token of somebody else is not: the gateway
 * refuses it, and the session stays the guest's.
 */
const areOfUser = ({ guest, token, ...others }: Credentials, userId: string): boolean =>
  (!!token && unverifiedSubject(token) === userId) || hasCredentials(others)

const untilSent = async (session: ChatSession): Promise<void> => {
  while (session.pending) await nextEvent(session, 'pending')
}

/**
 * Ends the session of a guest, once it has sent what waits, and starts that of the user. A user's token can't renew a guest's session,
 * because the guest is somebody else, even if the user's id is the one that the guest has asked for.
 */
const becomeUser = async (shared: SharedSession): Promise<void> => {
  const { session } = shared
  await withTimeout(SEND_TIME, (done) => void untilSent(session).then(done))
  shared.becoming = undefined
  // A session that has ended meanwhile stays ended until `start()`.
  const wasLive = session.sessionId !== null
  // The close comes first: a live session would send a new token as a renewal of the guest's.
  void session[internals].close()
  session.setCredentials(shared.credentials)
  if (wasLive) void session.start()
}

/** `previous` is undefined for an element that has just joined. */
const applyCredentials = (
  shared: SharedSession,
  { credentials: desired, userId }: DesiredSession,
  previous: Credentials | undefined,
): void => {
  const { session } = shared
  const set = changedFields(previous, desired)
  const fresh = changedFields(shared.credentials, set)
  shared.credentials = { ...shared.credentials, ...set }
  if (session.guest && areOfUser(shared.credentials, userId)) {
    shared.becoming ??= becomeUser(shared)
    return
  }
  const needsStart = areForStart(fresh)
  const mustRestart = needsStart && session.sessionId !== null
  // An element that joins a live session must not restart it with credentials of its own.
  if (mustRestart && !previous) return
  if (mustRestart) void session.end()
  const { tokenFetcher, tokenUrl } = shared.credentials
  session.setCredentials(needsStart ? fresh : { tokenFetcher, tokenUrl, token: fresh.token })
  // A page may set a new function each time it renders, and may render because the session has failed. If each new function started the
  // session, it would start and fail for ever. So only an element's first function counts.
  const first = previous?.tokenFetcher ? null : fresh.tokenFetcher
  const hasFailed = session.state === 'failed' && hasCredentials({ ...fresh, tokenFetcher: first })
  if (mustRestart || hasFailed) void session.start()
}

const applyProfile = (shared: SharedSession, desired: Profile, previous: Profile | undefined): void => {
  const { session } = shared
  const profile = changedFields(shared.profileFields, changedFields(previous, desired))
  shared.profileFields = { ...shared.profileFields, ...profile }
  if (Object.keys(profile).length)
    session.setProfile(profile).catch((error: unknown) => {
      // An ended session keeps the change for its next start, so nothing has failed.
      if (session.sessionId) session.dispatchEvent(new CustomEvent('error', { detail: { error } }))
    })
}

/** Applies the differences between `previous` and `desired` to the shared session. The latest change of any element wins. */
export const applyChanges = (
  shared: SharedSession,
  desired: DesiredSession,
  previous?: DesiredSession,
): void => {
  shared.updateParts()
  applyCredentials(shared, desired, previous?.credentials)
  applyProfile(shared, desired.profileFields, previous?.profileFields)
}
