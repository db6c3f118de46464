import type { ChatSessionElement } from '../../element/chat-session.js'
import type { PeerId } from '../types.js'

const PREFIX = 'chat-window:'

/** Storage is blocked in some frames and private windows. There a text lasts as long as its field. */
const storage = (): Storage | undefined => {
  try {
    return sessionStorage
  } catch {
    return undefined
  }
}

/** The start of the keys of an app's users, or of one user's. */
const startOf = (appId: unknown, ...user: string[]): string =>
  PREFIX + JSON.stringify([appId, ...user]).slice(0, -1) + ','

const keyOf = (appId: unknown, user: string, peer: PeerId): string =>
  startOf(appId, user) + JSON.stringify(peer)

/** Where the texts of one user are kept that are not sent yet, by peer. They outlive the page, and end with the log-out. */
export interface Drafts {
  read(peer: PeerId): string
  write(peer: PeerId, text: string): void
}

export const draftsOf = ({ appId }: ChatSessionElement, user: string): Drafts => ({
  read: (peer) => storage()?.getItem(keyOf(appId, user, peer)) ?? '',
  write(peer, text) {
    const key = keyOf(appId, user, peer)
    try {
      if (text) storage()?.setItem(key, text)
      else storage()?.removeItem(key)
    } catch {
      // The storage is full: the text lasts as long as its field.
    }
  },
})

/** Deletes the texts of the app's users, but those of `keep`. */
export const deleteDrafts = ({ appId }: ChatSessionElement, keep?: string): void => {
  const isOther = (key: string): boolean =>
    key.startsWith(startOf(appId)) && (keep === undefined || !key.startsWith(startOf(appId, keep)))
  const store = storage()
  for (const key of Object.keys(store ?? {})) if (isOther(key)) store?.removeItem(key)
}
