import type { PeerId } from './types.js'

export interface ConversationDetail {
  /** The user's id, or null for the app's backend. */
  peer: PeerId
}

/** A conversation is shown. */
export class ChatWindowOpenEvent extends CustomEvent<ConversationDetail> {}

/** A conversation is not shown any more. */
export class ChatWindowCloseEvent extends CustomEvent<ConversationDetail> {}

export interface LinkDetail {
  url: string
}

/** The user follows a link, a picture or a file of a message. `preventDefault()` stops it. */
export class ChatWindowLinkEvent extends CustomEvent<LinkDetail> {}

/** The window's events by name. */
export interface WindowEventMap {
  'chat-window-open': ChatWindowOpenEvent
  'chat-window-close': ChatWindowCloseEvent
  'chat-window-link': ChatWindowLinkEvent
}
