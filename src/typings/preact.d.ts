/* Preact: `<chat-session app-id="…" tokenFetcher={…} onsession-started={…} />`. */
import type { HTMLAttributes } from 'preact'
import type { ChatSessionElement } from '../element/define.js'
import type { TagAttributes, TagListeners, TagProperties } from './tag.js'

declare module 'preact' {
  namespace JSX {
    interface IntrinsicElements {
      'chat-session': HTMLAttributes<ChatSessionElement> & TagAttributes & TagProperties & TagListeners<'on'>
    }
  }
}
