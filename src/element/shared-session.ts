import type { ChatSession, Credentials, Profile, StartResult } from '../session/index.js'
import type { Attachable } from './attached-parts.js'
import { changedFields, hasCredentials, type DesiredSession } from './desired-session.js'
import { createLeases } from './lease.js'

/** A session, with the state that the elements that hold it share. */
export interface SharedSession {
  session: ChatSession
  /** The value of each credential that any of the elements set last. */
  credentials: Credentials
  /** The value of each field that any of the elements set last. */
  profile: Profile
  /** The result of the latest `session.start()`. */
  started?: Promise<StartResult>
  /** Attaches the parts that the elements ask for by now. */
  updateParts: () => void
}

/** An element that holds a session. */
type Holder = HTMLElement & Partial<Record<Attachable, unknown>>

/** The sessions of this page by the `key` of DesiredSession. */
export const leases = createLeases<Holder, SharedSession>(({ session }) => void session.end())

/** The element itself, or the host of the outermost shadow tree around it: document order is undefined across shadow trees. */
const outermostHost = (element: Element): Element => {
  const root = element.getRootNode()
  return 'host' in root ? outermostHost((root as ShadowRoot).host) : element
}

/** The first holder under `key` in document order, of those in `document` that pass the filter. */
export const firstHolder = (
  document: Document,
  key: string,
  filter: (holder: Holder) => boolean,
): Holder | undefined =>
  [...leases.holders(key)]
    .filter((holder) => holder.isConnected && holder.ownerDocument === document && filter(holder))
    .reduce<Holder | undefined>(
      (first, holder) =>
        !first ||
        outermostHost(first).compareDocumentPosition(outermostHost(holder)) & Node.DOCUMENT_POSITION_PRECEDING
          ? holder
          : first,
      undefined,
    )

/** Returns whether `element` is the first holder under `key` in its document. A disconnected element counts as first. */
export const isFirstHolder = (element: Element, key: string): boolean =>
  !element.isConnected || firstHolder(element.ownerDocument, key, () => true) === element

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
  const profile = changedFields(shared.profile, changedFields(previous?.profile ?? {}, desired.profile))
  shared.profile = { ...shared.profile, ...profile }
  if (Object.keys(profile).length)
    session.setProfile(profile).catch((error: unknown) => {
      // A session that has ended keeps the change for its next start.
      if (session.sessionId) session.dispatchEvent(new CustomEvent('error', { detail: { error } }))
    })
}
