/* Preact: `<chat-session app-id="…" tokenFetcher={…} onsession-started={…} />`. */
import type { HTMLAttributes } from 'preact'
import type { ChatSessionElement } from '../element/define.js'
import type { ChatUnreadElement } from '../element/define-unread.js'
import type { ChatWindowElement } from '../window/define.js'
import type {
  TagAttributes,
  TagListeners,
  TagProperties,
  UnreadAttributes,
  WindowAttributes,
  WindowListeners,
  WindowProperties,
} from './tag.js'

declare module 'preact' {
  namespace JSX {
    interface IntrinsicElements {
      'chat-session': HTMLAttributes<ChatSessionElement> & TagAttributes & TagProperties & TagListeners<'on'>
      'chat-unread': HTMLAttributes<ChatUnreadElement> & UnreadAttributes
      'chat-window': HTMLAttributes<ChatWindowElement> &
        WindowAttributes &
        WindowProperties &
        WindowListeners<'on'>
    }
  }
}
