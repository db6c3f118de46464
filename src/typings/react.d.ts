/* React 19: `<chat-session app-id="…" tokenFetcher={…} onsession-started={…} />`. */
import type { DetailedHTMLProps, HTMLAttributes } from 'react'
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

declare module 'react' {
  namespace JSX {
    interface IntrinsicElements {
      'chat-session': DetailedHTMLProps<HTMLAttributes<ChatSessionElement>, ChatSessionElement> &
        TagAttributes &
        TagProperties &
        TagListeners<'on'>
      'chat-unread': DetailedHTMLProps<HTMLAttributes<ChatUnreadElement>, ChatUnreadElement> &
        UnreadAttributes
      'chat-window': DetailedHTMLProps<HTMLAttributes<ChatWindowElement>, ChatWindowElement> &
        WindowAttributes &
        WindowProperties &
        WindowListeners<'on'>
    }
  }
}
