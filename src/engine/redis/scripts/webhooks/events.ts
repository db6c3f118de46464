import {
  cancelledBy,
  countingDrops,
  droppedData,
  fateOf,
  withChanged,
  withEvent,
  withoutPresence,
  type PresenceEvent,
  type Queue,
} from '../../../decide/webhooks/queue.js'
import type { WebhookEvent, WebhookOptions } from '../../../webhook-events.js'
import { script } from '../context/context.js'
import { counted } from '../context/counts.js'
import { json, whole } from '../context/text.js'
import { presence } from '../sessions/rows.js'
import type { User } from '../users/user.js'
import { countEvents, DUE_ELSEWHERE, queueOf, noteDue, sizeOf, storeQueue } from './queue.js'

/*
 * How webhook events are added. The script that makes a change also adds the events that report the change. The hash `events` has each
 * event under its number. `pending` lists the numbers of the events that are not delivered yet. `due` has the oldest pending event of each
 * user, with the time at which that event is due.
 */

type Type = WebhookEvent['type']

/** What an event says about presence. An event of the app itself says nothing. */
type State = { online: boolean; sessions: number } | Record<string, never>

const NONE: Partial<Record<string, true>> = {}

let asked = NONE
let salt = ''
let unreadAfterMessage: number | undefined
let baseOfEpoch = ''
let limits: NonNullable<WebhookOptions['limits']>

const boundOf = (word: string | undefined): number => tonumber(word) ?? Infinity

/**
 * Sets the app's webhooks. `webhooks` has, separated by commas: random digits for ids; the text that precedes the number in the epoch of
 * the user's inbox; the option `unreadAfter`; the limits of a user's pending events, in number and bytes; the app's limits, in a cluster
 * what other partitions leave of them, in number and bytes; and the types of events that the app asks for. A limit is `-` if there is none.
 * `webhooks` is empty for an app without webhooks.
 */
export const beginWebhooks = (webhooks: string): void => {
  asked = NONE
  unreadAfterMessage = undefined
  noteDue(false)
  if (webhooks === '') return
  const FIRST_TYPE = 7
  asked = {}
  const words: string[] = []
  for (const word of string.gmatch(webhooks, '[^,]+'))
    if (words.length < FIRST_TYPE) words.push(word)
    else asked[word] = true
  salt = words[0] ?? ''
  baseOfEpoch = words[1] ?? ''
  unreadAfterMessage = tonumber(words[2])
  limits = {
    user: { events: boundOf(words[3]), bytes: boundOf(words[4]) },
    app: { events: boundOf(words[5]), bytes: boundOf(words[6]) },
  }
}

/** Returns whether the app asks for events of a type. */
export const isAsked = (type: Type): boolean => asked[type] === true

/** Returns the app's option `unreadAfter`; undefined if the app has no webhooks. */
export const unreadAfter = (): number | undefined => unreadAfterMessage

/** Returns the text that precedes the number in the epoch of the user's inbox. Only an app with webhooks has it. */
export const epochBase = (): string => baseOfEpoch

interface Event {
  readonly id: string
  /** The event's number, as text. */
  readonly seq: string
  readonly type: Type
  /** The id of the owner of the queue. */
  readonly owner: string
}

/** Returns an event as JSON. `data` is JSON, and is the last member. */
const jsonOf = ({ id, seq, type, owner }: Event, data: string): string => {
  const head = `{"id":"${id}","type":"${type}","seq":${seq},"at":${whole(script.now)}`
  return `${head},"appId":${json(script.appId)},"userId":${json(owner)},"data":${data}}`
}

/** Returns an event with a number and an id of its own. */
const newEvent = (type: Type, owner: string): Event => {
  // Receivers ignore an event whose number is smaller than one that they have seen. So the number is at least the time. Then it is also
  // greater than earlier numbers in other partitions, and than numbers that Redis has lost.
  const last = tonumber(redis.call('HGET', script.keys.numbers, 'event') || '0') ?? 0
  const seq = whole(Math.max(last + 1, script.now))
  return { id: `evt_${script.partition}_${seq}_${salt}`, seq, type, owner }
}

/** Adds an event to a queue. `data` is the event as JSON. */
const appendEvent = (
  key: string,
  queue: Queue,
  { seq, type, owner }: Event,
  event: string,
  state: State,
): void => {
  const { numbers, events, pending, due } = script.keys
  redis.call('HSET', numbers, 'event', seq)
  redis.call('HSET', events, seq, event)
  redis.call('ZADD', pending, seq, seq)
  redis.call('ZADD', key, seq, seq)
  const size = sizeOf(event)
  countEvents(1, size)
  storeQueue(owner, withEvent(queue, { type, seq: tonumber(seq) ?? 0, data: state }, size, DUE_ELSEWHERE))
  if (queue.first > 0) return
  redis.call('ZADD', due, script.now, seq)
  noteDue(true)
}

/** Removes the user's newest event about presence. */
const cancel = (queue: Queue, cancelled: PresenceEvent): void => {
  const { events, pending, queue: key } = script.keys
  const seq = whole(cancelled.seq)
  redis.call('HDEL', events, seq)
  redis.call('ZREM', pending, seq)
  redis.call('ZREM', key, seq)
  countEvents(-1, -cancelled.size)
  storeQueue(script.userId, withoutPresence(queue, cancelled, queue.change))
}

/** Counts a dropped event in an `events.dropped` of a queue. `state` is what that event says about presence. */
const dropEvent = (key: string, queue: Queue, owner: string, type: Type, state: State): void => {
  script.events.push({ type: 'webhook-dropped', appId: script.appId, eventType: type })
  const seq = countingDrops(queue)
  const event = seq > 0 ? redis.call('HGET', script.keys.events, whole(seq)) : false
  if (event === false) {
    const added = newEvent('events.dropped', owner)
    return appendEvent(key, queue, added, jsonOf(added, json(droppedData({}, type, state))), state)
  }
  const { id, data } = cjson.decode(event) as WebhookEvent
  const known: Event = { id, seq: whole(seq), type: 'events.dropped', owner }
  const changed = jsonOf(known, json(droppedData(data, type, state)))
  redis.call('HSET', script.keys.events, known.seq, changed)
  const more = changed.length - event.length
  countEvents(0, more)
  storeQueue(owner, withChanged(queue, { type: 'events.dropped', data: state }, more))
}

/** Adds an event if the app asks for its type. `data` is JSON without braces. */
export const addEvent = (user: User, type: Type, data: string): void => {
  if (!isAsked(type)) return
  const [online, sessions] = presence(user)
  const state = { online, sessions }
  const { userId, keys } = script
  const queue = queueOf(keys.queue, userId)
  const cancelled = cancelledBy(queue, { type, data: state })
  if (cancelled !== null) return cancel(queue, cancelled)
  const added = newEvent(type, userId)
  const start = data === '' ? '' : `${data},`
  const event = jsonOf(added, `{${start}"online":${tostring(online)},"sessions":${whole(sessions)}}`)
  const app = { count: counted('events'), bytes: counted('eventBytes') }
  const fate = fateOf(queue, sizeOf(event), app, limits)
  if (fate === 'beyond user') return dropEvent(keys.queue, queue, userId, type, state)
  if (fate === 'beyond app') return dropEvent(keys.appQueue, queueOf(keys.appQueue, ''), '', type, {})
  appendEvent(keys.queue, queue, added, event, state)
}
