import { script, type KeyNames } from '../context/context.js'

/*
 * The limit of a user's messages per second. Each message takes from the user's bucket, which fills with time. A full bucket lets the user
 * send the messages of one second at once. The key `rate` has the time when the bucket is full again, the time until which a refusal lasts,
 * and the id of the call that last counted a message. The key expires when both times have come.
 */

/** How many milliseconds a refusal lasts at least: messages that the client sent right after the refused message must not overtake it. */
const MIN_WAIT = 100
/** The error of rounding the times, in milliseconds. */
const ROUNDING = 0.01
/** In as many milliseconds an empty bucket is full. */
const FULL_AFTER = 1000

/**
 * Counts a message of the user with these keys, and returns 0; or refuses it, and returns the milliseconds until the user may send another
 * message. `perSecond` is undefined if there is no limit. If a call may run twice, and has no other way to know that it has counted the
 * message, `id` is the id of the call.
 */
export const takeMessage = (keys: KeyNames, perSecond: number | undefined, id?: string): number => {
  if (perSecond === undefined) return 0
  const { now } = script
  let fullAt = now
  let refusedUntil = 0
  let last: string | undefined = ''
  const state = redis.call('GET', keys.rate)
  if (state !== false) {
    const [full, refused, counted] = string.match(state, '^(%S+) (%S+) ?(%S*)$')
    // A bucket is full after a second at most. So a later time is cut: a former master whose clock was ahead has written it.
    fullAt = Math.min(Math.max(tonumber(full) ?? 0, now), now + FULL_AFTER)
    refusedUntil = Math.min(tonumber(refused) ?? 0, now + FULL_AFTER)
    last = counted
  }
  const nextFullAt = fullAt + FULL_AFTER / perSecond
  if (refusedUntil <= now && last !== id) {
    const wait = Math.ceil(nextFullAt - now - FULL_AFTER - ROUNDING)
    if (wait > 0) refusedUntil = now + Math.max(wait, MIN_WAIT)
    else fullAt = nextFullAt
    const times = string.format('%.3f %.0f', fullAt, refusedUntil)
    const keptFor = Math.ceil(Math.max(fullAt, refusedUntil) - now)
    redis.call('SET', keys.rate, id === undefined ? times : `${times} ${id}`, 'PX', keptFor)
  }
  return Math.max(refusedUntil - now, 0)
}
