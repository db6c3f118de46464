/* Solid 1: `<chat-session app-id="…" prop:tokenFetcher={…} on:session-started={…} />`. */
import type { JSX } from 'solid-js'
import type { ChatSessionElement } from '../element/define.js'
import type { ChatUnreadElement } from '../element/define-unread.js'
import type { ChatWindowElement } from '../window/define.js'
import type {
  BooleanAttributes,
  TagListeners,
  ProfileAttributes,
  TagProperties,
  TextAttributes,
  UnreadAttributes,
  WindowBooleanAttributes,
  WindowListeners,
  WindowProperties,
  WindowTextAttributes,
} from './tag.js'

/** Solid would set these names as properties, which the elements do not have. Write `attr:user-name`, or `prop:user`. */
type Unprefixed<Attributes> = { [K in keyof Attributes]?: never }

type Prefixed<Prefix extends string, T> = { [K in keyof T & string as `${Prefix}${K}`]?: T[K] }

declare module 'solid-js' {
  namespace JSX {
    interface IntrinsicElements {
      'chat-session': JSX.HTMLAttributes<ChatSessionElement> &
        TextAttributes &
        BooleanAttributes &
        Unprefixed<ProfileAttributes> &
        Prefixed<'attr:', TextAttributes & ProfileAttributes> &
        Prefixed<'bool:', BooleanAttributes> &
        Prefixed<'prop:', TagProperties> &
        TagListeners<'on:'>
      'chat-unread': JSX.HTMLAttributes<ChatUnreadElement> &
        Unprefixed<UnreadAttributes> &
        Prefixed<'attr:', UnreadAttributes>
      'chat-window': JSX.HTMLAttributes<ChatWindowElement> &
        WindowTextAttributes &
        WindowBooleanAttributes &
        Prefixed<'attr:', WindowTextAttributes> &
        Prefixed<'bool:', WindowBooleanAttributes> &
        Prefixed<'prop:', WindowProperties> &
        WindowListeners<'on:'>
    }
  }
}
