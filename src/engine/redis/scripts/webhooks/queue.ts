import { EMPTY_QUEUE, type Due, type Queue } from '../../../decide/webhooks/queue.js'
import { engineRules } from '../../../rules.js'
import { script } from '../context/context.js'
import { count } from '../context/counts.js'
import { json } from '../context/text.js'

/*
 * The queues of pending webhook events, for which `decide/webhooks/queue.ts` decides. Each user has a queue. In each partition the app has
 * a queue for its own events, and the owner of that queue is the empty id. The key `queue` lists the numbers of a queue's events. The hash
 * `events` has the record of each queue (`Queue`), as JSON under `q` and the owner's id. A field of the record that is null is absent. An
 * empty queue has no record.
 */

/**
 * The node that adds an event delivers it. If that node has gone, the sweep of another node finds the event this many milliseconds after it
 * was due.
 */
export const DUE_EVENTS_WAIT = 5000

/** When an event is due is in the key `due`, and not in the records of queues. */
export const DUE_ELSEWHERE: Due = { run: 0, dueAt: 0 }

/** Returns the member of `deadlines` that stands for all events of the app: its user id is empty. */
export const eventsMember = (): string => `${script.appId}\0`

/** Returns the number of the oldest event in a list of numbers; undefined if there is none. */
export const oldestOf = (key: string): string | undefined => redis.call('ZRANGE', key, 0, 0)[0]

/**
 * Returns a queue. If the record does not begin with the oldest number in the list, Redis has lost the record or the list. Then the list
 * says which events there are.
 */
export const queueOf = (key: string, owner: string): Queue => {
  const stored = redis.call('HGET', script.keys.events, `q${owner}`)
  const queue = stored === false ? EMPTY_QUEUE : (cjson.decode(stored) as Queue)
  const oldest = oldestOf(key)
  const first = oldest === undefined ? 0 : (tonumber(oldest) ?? 0)
  if (queue.first === first) return queue
  if (first === 0) return EMPTY_QUEUE
  const last = tonumber(redis.call('ZRANGE', key, -1, -1)[0]) ?? first
  return { ...EMPTY_QUEUE, first, last, count: redis.call('ZCARD', key), bytes: queue.bytes }
}

/** Writes the record of a queue. */
export const storeQueue = (owner: string, queue: Queue): void => {
  const { events } = script.keys
  if (queue.count === 0) redis.call('HDEL', events, `q${owner}`)
  // The bytes of events from before a loss of the record are not known.
  else redis.call('HSET', events, `q${owner}`, json(queue.bytes < 0 ? { ...queue, bytes: 0 } : queue))
}

/** Returns about how many bytes an event takes. `event` is its JSON. */
export const sizeOf = (event: string): number => event.length + engineRules.eventOverhead

/** Adds to the app's counts of pending events. */
export const countEvents = (number: number, bytes: number): void => {
  count('events', number)
  count('eventBytes', bytes)
}

let isDue = false

/** Notes whether this script has made events due. */
export const noteDue = (value: boolean): void => {
  isDue = value
}

/** If this script has made events due, tells the calling node, and sets when the sweep looks for these events. */
export const announce = (): void => {
  if (!isDue) return
  isDue = false
  redis.call('ZADD', script.keys.deadlines, 'LT', script.now + DUE_EVENTS_WAIT, eventsMember())
  script.events.push({
    type: 'webhooks-due',
    appId: script.appId,
    partition: tonumber(script.partition) ?? 0,
  })
}
