import type { Values } from '../../calls/values.js'
import type { ListedEvent } from '../../calls/webhooks.js'
import { afterEnd, afterFailure, withReplayed, type EventRow } from '../../../decide/webhooks/queue.js'
import type { WebhookEvent } from '../../../webhook-events.js'
import { script } from '../context/context.js'
import { reply, replyList, type Script } from '../context/counts.js'
import { json, whole } from '../context/text.js'
import {
  countEvents,
  DUE_ELSEWHERE,
  DUE_EVENTS_WAIT,
  eventsMember,
  oldestOf,
  queueOf,
  sizeOf,
  storeQueue,
} from './queue.js'

/*
 * The webhook events of an app in a partition. Under `a` and an event's number, the hash `events` has the outcome of the event's deliveries
 * so far. `pending` and `failed` list the numbers of the events in these states.
 */

/** The outcome of an event's deliveries so far, and the id of the call that counted the last attempt. */
type Outcome = Pick<EventRow, 'attempts' | 'lastError'> & { call?: string }

const outcomeOf = (seq: string): string =>
  redis.call('HGET', script.keys.events, `a${seq}`) || '{"attempts":0,"lastError":null}'

/** Returns the JSON of the event with this number and this id; undefined if there is none. */
const find = (seq: string, id: string): string | undefined => {
  const event = redis.call('HGET', script.keys.events, seq)
  const head = `{"id":"${id}"`
  return event !== false && string.sub(event, 1, head.length) === head ? event : undefined
}

/**
 * Returns the members of an event except `data`, which comes last. The data may have a message with half of a surrogate pair, which cjson
 * refuses.
 */
const membersOf = (event: string): Omit<WebhookEvent, 'data'> =>
  cjson.decode(`${string.match(event, '^(.-),"data":{')[0] ?? ''}}`) as Omit<WebhookEvent, 'data'>

/** Returns milliseconds until the next event is due; -1 if there is none. Also sets when the sweep looks for that event. */
const nextDue = (): number => {
  const { due, deadlines } = script.keys
  const dueAt = tonumber(redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')[1])
  if (dueAt === undefined) {
    redis.call('ZREM', deadlines, eventsMember())
    return -1
  }
  redis.call('ZADD', deadlines, dueAt + DUE_EVENTS_WAIT, eventsMember())
  return Math.max(0, Math.ceil(dueAt - script.now))
}

/** Takes events that are due, and leases them: until the lease ends, they are not due. */
export const takeEvents: Script<'takeEvents'> = ([limit, lease]) => {
  const { due, events } = script.keys
  const found: [event: Stored, outcome: string][] = []
  const until = script.now + tonumber(lease)
  for (const seq of redis.call('ZRANGEBYSCORE', due, '-inf', script.now, 'LIMIT', 0, limit)) {
    redis.call('ZADD', due, until, seq)
    found.push([redis.call('HGET', events, seq), outcomeOf(seq)])
  }
  return replyList(found, nextDue())
}

/** Counts a failed attempt to deliver an event. */
const noteFailure = (seq: string, reason: string, callId: string): void => {
  const known = cjson.decode(outcomeOf(seq)) as Outcome
  // After a lost reply this call may come again. Both calls count as one attempt.
  if (known.call === callId) return
  redis.call('HSET', script.keys.events, `a${seq}`, json({ ...afterFailure(known, reason), call: callId }))
}

/** Puts an event that is no longer pending among the failed ones, of which a partition keeps `max`. */
const keepFailed = (seq: string, max: number): void => {
  const { failed, events } = script.keys
  redis.call('ZADD', failed, seq, seq)
  for (const old of redis.call('ZRANGE', failed, 0, -max - 1)) {
    redis.call('ZREM', failed, old)
    redis.call('HDEL', events, old, `a${old}`)
  }
}

/** Ends the delivery of a user's oldest pending event. */
export const endDelivery: Script<'endDelivery'> = ([seq, id, result, retryIn, reason, maxFailed, callId]) => {
  const { queue: key, due, pending, events } = script.keys
  const event = find(seq, id)
  if (event === undefined || oldestOf(key) !== seq) return reply(nextDue())
  if (result === 'retry') {
    noteFailure(seq, reason, callId)
    redis.call('ZADD', due, script.now + Math.max(0, tonumber(retryIn) ?? 0), seq)
    return reply(nextDue())
  }
  const queue = queueOf(key, script.userId)
  redis.call('ZREM', due, seq)
  redis.call('ZREM', key, seq)
  redis.call('ZREM', pending, seq)
  const size = sizeOf(event)
  const following = oldestOf(key)
  countEvents(-1, -size)
  storeQueue(script.userId, afterEnd(queue, size, tonumber(following), DUE_ELSEWHERE))
  if (result === 'failed') {
    noteFailure(seq, reason, callId)
    keepFailed(seq, tonumber(maxFailed))
  } else redis.call('HDEL', events, seq, `a${seq}`)
  if (following !== undefined) redis.call('ZADD', due, script.now, following)
  return reply(nextDue())
}

/** Makes a failed event of the user pending again. */
export const replayEvent: Script<'replayEvent'> = ([seq, id]) => {
  const { queue: key, due, pending, events, failed } = script.keys
  if (redis.call('ZSCORE', failed, seq) === false) return reply(nextDue(), 0)
  const event = find(seq, id)
  if (event === undefined || membersOf(event).userId !== script.userId) return reply(nextDue(), 0)
  const number = tonumber(seq) ?? 0
  const before = queueOf(key, script.userId)
  const size = sizeOf(event)
  const after = withReplayed(before, number, size, DUE_ELSEWHERE)
  redis.call('ZREM', failed, seq)
  redis.call('HDEL', events, `a${seq}`)
  redis.call('ZADD', pending, seq, seq)
  redis.call('ZADD', key, seq, seq)
  countEvents(1, size)
  storeQueue(script.userId, after)
  if (after.first === number) {
    if (before.first > 0) redis.call('ZREM', due, whole(before.first))
    redis.call('ZADD', due, script.now, seq)
  }
  return reply(nextDue(), 1)
}

/** Lists pending and failed events in the order of their numbers. */
export const listEvents: Script<'listEvents'> = ([after, limit]) => {
  const { due, events, pending, failed } = script.keys
  const max = tonumber(limit)
  const range = [`(${after}`, '+inf', 'LIMIT', 0, max] as const
  const listed: { seq: string; state: ListedEvent[0] }[] = []
  for (const seq of redis.call('ZRANGEBYSCORE', pending, ...range)) listed.push({ seq, state: 'pending' })
  for (const seq of redis.call('ZRANGEBYSCORE', failed, ...range)) listed.push({ seq, state: 'failed' })
  table.sort(listed, (a, b) => (tonumber(a.seq) ?? 0) < (tonumber(b.seq) ?? 0))
  return listed.slice(0, max).map(({ seq, state }): Values<ListedEvent> => {
    const dueAt = tonumber(redis.call('ZSCORE', due, seq))
    const left = dueAt === undefined ? '' : Math.ceil(dueAt - script.now)
    return [state, redis.call('HGET', events, seq), outcomeOf(seq), left]
  })
}

/** Counts the pending events. */
export const eventsSummary: Script<'eventsSummary'> = () => {
  const { events, pending } = script.keys
  const seq = oldestOf(pending)
  const event = seq === undefined ? false : redis.call('HGET', events, seq)
  return [redis.call('ZCARD', pending), event !== false && membersOf(event).at]
}

/** Reads when the next event is due, and sets when the sweep looks for that event. */
export const eventsDue: Script<'eventsDue'> = ([endsLeases, lookIn]) => {
  const { due, deadlines } = script.keys
  if (endsLeases === '1')
    for (const seq of redis.call('ZRANGEBYSCORE', due, `(${whole(script.now)}`, '+inf'))
      redis.call('ZADD', due, script.now, seq)
  const delay = nextDue()
  if (lookIn === 'never') redis.call('ZREM', deadlines, eventsMember())
  else if (delay >= 0 && lookIn !== '')
    redis.call('ZADD', deadlines, script.now + tonumber(lookIn), eventsMember())
  return [delay]
}
