/* What a `<chat-session>` tag takes, for the typings of frameworks. It is read off the class and its events: what they gain, it has. */
import type { Profile } from '../session/index.js'
import type { Kebab, ReactiveElement } from '../element/internal.js'
import type { ChatSessionElement } from '../element/define.js'

type Own = Exclude<keyof ChatSessionElement, keyof ReactiveElement>

/** The element's properties. Those that can be set take undefined for absent; what can only be read doesn't, nor does a method. */
export type TagProperties = {
  [K in Own as undefined extends ChatSessionElement[K] ? K : never]?: ChatSessionElement[K]
}

/** The names of properties that take a `Value`, as attributes are spelled. */
type Spelled<T, Value> = {
  [K in keyof T & string as Value extends T[K] ? Kebab<K> : never]?:
    Extract<T[K], string | number | boolean> | null | undefined
}

/** Attributes that are there or not. */
export type Flags = Spelled<TagProperties, true>

/** `user-name` and so on. */
export type ProfileAttributes = {
  [K in Extract<keyof Profile, string> as string extends Profile[K] ? `user-${Kebab<K>}` : never]?:
    string | null | undefined
}

/** Attributes that hold text, but for the profile's. */
export type Texts = Spelled<TagProperties, string>

export type TagAttributes = Texts & ProfileAttributes & Flags

/** The element's events by name. */
export type TagEvents = {
  [K in keyof HTMLElementEventMap as K extends `session-${string}` ? K : never]: HTMLElementEventMap[K]
}

/** Handlers for the element's events, by the event's name after `Prefix`. */
export type TagListeners<Prefix extends string> = {
  [K in keyof TagEvents as `${Prefix}${K}`]?:
    ((event: TagEvents[K] & { readonly currentTarget: ChatSessionElement }) => void) | null | undefined
}
