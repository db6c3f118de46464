/* Svelte 5: `<chat-session app-id="…" {tokenFetcher} onsession-started={…}></chat-session>`. */
import type { HTMLAttributes } from 'svelte/elements'
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

declare module 'svelte/elements' {
  interface SvelteHTMLElements {
    'chat-session': HTMLAttributes<ChatSessionElement> &
      TagAttributes &
      TagProperties &
      TagListeners<'on'> &
      // Components without runes write listeners as `on:session-started`.
      TagListeners<'on:'>
    'chat-unread': HTMLAttributes<ChatUnreadElement> & UnreadAttributes
    'chat-window': HTMLAttributes<ChatWindowElement> &
      WindowAttributes &
      WindowProperties &
      WindowListeners<'on'> &
      WindowListeners<'on:'>
  }
}
