/* Vue 3: `<chat-session app-id="…" :token-fetcher="…" @session-started="…" />`. */
import type { EmitFn, HTMLAttributes, PublicProps } from 'vue'
import type { ChatSessionElement } from '../element/define.js'
import type { ChatUnreadElement } from '../element/define-unread.js'
import type { ChatWindowElement } from '../window/define.js'
import type {
  TagEvents,
  TagListeners,
  ProfileAttributes,
  TagProperties,
  UnreadAttributes,
  WindowEvents,
  WindowListeners,
  WindowProperties,
} from './tag.js'

type Camel<S extends string> = S extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<Camel<Tail>>}`
  : S

/** Vue checks a template's attributes by their names in camel case. */
type Camels<T> = { [K in keyof T & string as Camel<K>]?: T[K] }

declare module 'vue' {
  interface GlobalComponents {
    'chat-session': new () => ChatSessionElement & {
      $props: HTMLAttributes &
        PublicProps &
        TagProperties &
        Camels<ProfileAttributes> &
        Camels<TagListeners<'on-'>>
      $emit: EmitFn<{ [K in keyof TagEvents]: (event: TagEvents[K]) => void }>
    }
    'chat-unread': new () => ChatUnreadElement & {
      $props: HTMLAttributes & PublicProps & Camels<UnreadAttributes>
    }
    'chat-window': new () => ChatWindowElement & {
      $props: HTMLAttributes & PublicProps & WindowProperties & Camels<WindowListeners<'on-'>>
      $emit: EmitFn<{ [K in keyof WindowEvents]: (event: WindowEvents[K]) => void }>
    }
  }
}
