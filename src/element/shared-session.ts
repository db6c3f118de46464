import type { ChatSession, Credentials, Profile, StartResult } from '../session/index.js'
import { createLeases } from './lease.js'
import { changesOf, hasCredentials, isOn, type Wanted } from './desired-session.js'

/** A session as the elements that hold it share it. */
export interface Shared {
  session: ChatSession
  /** The last of each that any of them set. */
  credentials: Credentials
  profile: Profile
  /** What comes of the last start. */
  started?: Promise<StartResult>
}

/** An element that holds a session. */
export interface Holder extends HTMLElement {
  notifications?: boolean | null | undefined
}

/** Sessions of this page by endpoint, app and user. */
export const leases = createLeases<Holder, Shared>(({ session }) => void session.end())

/** In a shadow tree an element stands in the document where its outermost host does. */
const placeOf = (element: Element): Element => {
  const root = element.getRootNode()
  return 'host' in root ? placeOf((root as ShadowRoot).host) : element
}

/** Those in `document` that hold what is under `key`, in its order. */
const holdersIn = (document: Document, key: string): Holder[] =>
  [...leases.holders(key)]
    .filter((holder) => holder.isConnected && holder.ownerDocument === document)
    .sort((one, other) => {
      const position = placeOf(one).compareDocumentPosition(placeOf(other))
      return (position & Node.DOCUMENT_POSITION_PRECEDING) - (position & Node.DOCUMENT_POSITION_FOLLOWING)
    })

/** Whether `element` is the first in its document of those that hold what is under `key`. */
export const isFirst = (element: Element, key: string): boolean =>
  !element.isConnected || holdersIn(element.ownerDocument, key)[0] === element

/** The first in the page that wants notifications for what is under `key`. */
export const notifierOf = (key: string): Holder | undefined =>
  holdersIn(document, key).find(({ notifications }) => isOn(notifications))

/** What no live session can take over: it is used by a new start. */
const needsRestart = ({ token, signature, authParams, guest }: Credentials): boolean =>
  !token && [signature, authParams, guest].some(Boolean)

/** Brings what an element says, and did not say `before`, to the session that it shares. The last one to say it counts. */
export const bring = (shared: Shared, wanted: Wanted, before?: Wanted): void => {
  const { session } = shared
  const said = changesOf(before?.credentials ?? {}, wanted.credentials)
  const fresh = changesOf(shared.credentials, said)
  shared.credentials = { ...shared.credentials, ...said }
  const live = session.id !== null
  const restart = needsRestart(fresh)
  // Who joins a session that is live has nothing to prove.
  if (!restart || !live || before) {
    const { tokenFetcher, tokenUrl } = shared.credentials
    if (restart && live) void session.end()
    session.setCredentials(restart ? fresh : { tokenFetcher, tokenUrl, token: fresh.token })
    if ((restart && live) || (session.state === 'failed' && hasCredentials(fresh)))
      shared.started = session.start()
  }
  const profile = changesOf(shared.profile, changesOf(before?.profile ?? {}, wanted.profile))
  shared.profile = { ...shared.profile, ...profile }
  if (Object.keys(profile).length) session.setProfile(profile)
}
