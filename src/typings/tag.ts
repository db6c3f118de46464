/*
 * The types of the tags `<chat-session>`, `<chat-unread>` and `<chat-window>` for the typings of frameworks. They are derived from the
 * classes and from their events.
 */
import type { Profile } from '../session/index.js'
import type { Kebab, ReactiveElement } from '../element/internal.js'
import type { ChatSessionElement } from '../element/define.js'
import type { ChatWindowElement } from '../window/define.js'

/**
 * The properties that can be set: those whose type includes undefined. The types of methods and read-only properties do not include
 * undefined.
 */
type PropertiesOf<Tag> = {
  [K in Exclude<keyof Tag, keyof ReactiveElement> as undefined extends Tag[K] ? K : never]?: Tag[K]
}

export type TagProperties = PropertiesOf<ChatSessionElement>

/** The attributes of the properties that can be a `Value`. */
type AttributesOf<T, Value> = {
  [K in keyof T & string as [Extract<T[K], Value>] extends [never] ? never : Kebab<K>]?:
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

/** The events whose names begin with `Tag`, by name. */
type EventsOf<Tag extends string> = {
  [K in keyof HTMLElementEventMap as K extends `${Tag}-${string}` ? K : never]: HTMLElementEventMap[K]
}

/** Handlers for events. The name of each is `Prefix` with the name of the event after it. */
type ListenersOf<Events, Tag, Prefix extends string> = {
  [K in keyof Events & string as `${Prefix}${K}`]?:
    ((event: Events[K] & { readonly currentTarget: Tag }) => void) | null | undefined
}

/** The element's events by name. */
export type TagEvents = EventsOf<'session'>

export type TagListeners<Prefix extends string> = ListenersOf<TagEvents, ChatSessionElement, Prefix>

/** What of `<chat-window>` can be set. */
export type WindowProperties = PropertiesOf<ChatWindowElement>

export type WindowBooleanAttributes = AttributesOf<WindowProperties, true>

export type WindowTextAttributes = AttributesOf<WindowProperties, string>

export type WindowAttributes = WindowTextAttributes & WindowBooleanAttributes

export type WindowEvents = EventsOf<'chat-window'>

export type WindowListeners<Prefix extends string> = ListenersOf<WindowEvents, ChatWindowElement, Prefix>
