/* The types of a `<chat-session>` tag for the typings of frameworks. They are derived from the class and from its events. */
import type { Profile } from '../session/index.js'
import type { Kebab, ReactiveElement } from '../element/internal.js'
import type { ChatSessionElement } from '../element/define.js'

type Own = Exclude<keyof ChatSessionElement, keyof ReactiveElement>

/**
 * The properties that can be set: those whose type includes undefined. The types of methods and read-only properties do not include
 * undefined.
 */
export type TagProperties = {
  [K in Own as undefined extends ChatSessionElement[K] ? K : never]?: ChatSessionElement[K]
}

/** The attributes of the properties whose type includes `Value`. */
type AttributesOf<T, Value> = {
  [K in keyof T & string as Value extends T[K] ? Kebab<K> : never]?:
    Extract<T[K], string | number | boolean> | null | undefined
}

/** Boolean attributes. */
export type BooleanAttributes = AttributesOf<TagProperties, true>

/** The attributes of the profile, such as `user-name`. */
export type ProfileAttributes = {
  [K in Extract<keyof Profile, string> as string extends Profile[K] ? `user-${Kebab<K>}` : never]?:
    string | null | undefined
}

/** Text attributes, without the profile's. */
export type TextAttributes = AttributesOf<TagProperties, string>

export type TagAttributes = TextAttributes & ProfileAttributes & BooleanAttributes

type Text = string | number | null | undefined

/** The attributes of `<chat-unread>`. */
export interface UnreadAttributes {
  'app-id'?: Text
  max?: Text
  label?: Text
}

/** The element's events by name. */
export type TagEvents = {
  [K in keyof HTMLElementEventMap as K extends `session-${string}` ? K : never]: HTMLElementEventMap[K]
}

/** Handlers for the element's events. The name of each is `Prefix` with the name of the event after it. */
export type TagListeners<Prefix extends string> = {
  [K in keyof TagEvents as `${Prefix}${K}`]?:
    ((event: TagEvents[K] & { readonly currentTarget: ChatSessionElement }) => void) | null | undefined
}
