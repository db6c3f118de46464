import { closeAction, type GatewayFrame, type GatewayFrameOf } from '../../protocol/index.js'
import { connecting, lost, retry } from './connecting.js'
import { first, heardNow, leave, lifeOf, over, pauseAfter, reportMiss } from './policy.js'
import type { Active, AskReason, Connecting, Effect, Input, Step, World } from './state.js'

/** A timer that fires later than this slept with its device: frames may be waiting behind it, and get this long. */
const OVERSLEPT = 2_000
/** Milliseconds in which a connection that may be dead has to say something. */
const PROBE_LIMIT = 5_000

/** The token that was sent and not yet judged. */
const unjudged = ({ renewal }: Active): { asked: boolean } | null =>
  renewal && 'asked' in renewal ? renewal : null

const renew = (state: Active, asked: boolean, before = 0): Step => [
  { ...state, renewal: { at: 'sent', asked, before } },
  { do: 'renew' },
]

const ask = (state: Active, reason: AskReason): Step => [
  { ...state, renewal: { at: 'asked', reason } },
  { do: 'ask', reason },
]

export const disconnected = (state: Active): Connecting => {
  const next = { ...connecting('reconnecting', state), facts: state.facts }
  const fresh = unjudged(state)
  return fresh ? { ...next, lapsesAt: null, proof: { at: fresh.asked ? 'fresh' : 'held' } } : next
}

/** A close that wants fresh credentials speaks of the former ones while the gateway has not judged the new. */
const closed = (state: Active, close: number, world: World): Step =>
  unjudged(state) && closeAction(close) === 'renew'
    ? retry(disconnected(state), { code: 'token-expired' }, world)
    : lost(disconnected(state), close, world)

const answered = (state: Active, { answer, cause }: Input & { type: 'answer' }, world: World): Step => {
  const { renewal } = state
  if (renewal?.at !== 'asked') return [state]
  switch (answer) {
    case 'fresh':
      return renew({ ...state, misses: 0 }, true)
    case 'nobody':
      return [{ ...state, renewal: null }]
    case 'signed-out':
      return over(state, { code: 'signed-out' }, { do: 'discard', what: 'all' }, ...leave)
    case 'failed': {
      const misses = state.misses + 1
      const time = world.now + pauseAfter(misses, world)
      return [{ ...state, misses, renewal: { at: 'due', time, reason: renewal.reason } }, reportMiss(cause)]
    }
  }
}

/** The session goes on with the token it has. What an ask brought is asked for once more, then the user is out. */
const tokenRefused = (state: Active, frame: GatewayFrameOf<'refused'>, world: World): Step => {
  const discard: Effect = { do: 'discard', what: 'newest' }
  const report: Effect = { do: 'report', fault: frame }
  const sent = unjudged(state)
  if (sent && frame.retryable) {
    const misses = state.misses + 1
    const time = world.now + (frame.retryAfter ?? pauseAfter(misses, world))
    return [{ ...state, misses, renewal: { at: 'unjudged', time, asked: sent.asked } }, report]
  }
  if (!sent?.asked)
    return [{ ...state, ...lifeOf(state.lapsesAt && state.lapsesAt - world.now, world) }, discard, report]
  const refusals = state.refusals + 1
  if (refusals >= 2) return over(state, frame, { do: 'discard', what: 'all' }, ...leave)
  return [
    { ...state, refusals, renewal: { at: 'due', time: world.now, reason: 'rejected' } },
    discard,
    report,
  ]
}

/** What was seen is dropped. `started` counted what was unread up to its offset. */
const received = (state: Active, frame: GatewayFrameOf<'message'>): Step => {
  const { facts, cursor } = state
  const { offset, from } = frame
  if (offset <= cursor.offset) return [state]
  const unread = facts.unread + (offset > facts.offset && from !== facts.user.id ? 1 : 0)
  return [
    { ...state, facts: { ...facts, unread }, cursor: { ...cursor, offset } },
    { do: 'deliver', frame },
  ]
}

/** Asks for what has been missed, which is nothing: the answer shows that the connection lives. */
const probe = (state: Active, { now }: World): Step => {
  const { epoch, offset } = state.cursor
  const silentAt = now + PROBE_LIMIT
  return state.silentAt <= silentAt
    ? [state]
    : [
        { ...state, silentAt },
        { do: 'send', frame: { type: 'history', id: 'probe', epoch, after: offset, limit: 1 } },
      ]
}

/** What a live session makes of a frame. */
const hear = (state: Active, frame: GatewayFrame, world: World): Step => {
  const { renewal } = state
  const judges = frame.type === 'renewed' || (frame.type === 'refused' && frame.re === 'token')
  // Tokens are judged in the order in which they were sent: what is said of a former one is late.
  if (judges && renewal?.at === 'sent' && renewal.before)
    return [{ ...state, renewal: { ...renewal, before: renewal.before - 1 } }]
  switch (frame.type) {
    case 'ping':
      return [state, { do: 'send', frame: { type: 'pong' } }]
    case 'ended':
      return [{ ...state, farewell: frame }]
    case 'renewed':
      return [{ ...state, misses: 0, refusals: 0, ...lifeOf(frame.expiresIn, world) }, { do: 'keep' }]
    case 'refused':
      if (frame.re === 'token') return tokenRefused(state, frame, world)
      return [state, frame.id === undefined ? { do: 'report', fault: frame } : { do: 'deliver', frame }]
    case 'user':
      return [{ ...state, facts: { ...state.facts, user: frame.user } }]
    case 'unread':
      return [{ ...state, facts: { ...state.facts, unread: frame.unread } }]
    case 'message':
      return received(state, frame)
    default:
      return [state, { do: 'deliver', frame }]
  }
}

const timePassed = (state: Active, world: World): Step => {
  const { now } = world
  const { renewal, silentAt, settledAt } = state
  if (silentAt <= now) {
    if (!state.overslept && now - silentAt > OVERSLEPT)
      return [{ ...state, overslept: true, silentAt: now + OVERSLEPT }]
    return first({ do: 'drop' }, retry(disconnected(state), { code: 'timeout' }, world))
  }
  if (renewal && 'time' in renewal && renewal.time <= now) {
    if (renewal.at === 'unjudged') return renew(state, renewal.asked)
    return ask(state, renewal.reason)
  }
  if (settledAt !== null && settledAt <= now) return [{ ...state, settledAt: null, failures: 0 }]
  return [state]
}

export const stepActive = (state: Active, input: Input, world: World): Step => {
  switch (input.type) {
    case 'end':
      return [{ name: 'ended', error: null }, ...leave]
    case 'credentials':
      return renew(state, false, state.renewal?.at === 'sent' ? state.renewal.before + 1 : 0)
    case 'source':
      return !state.renewal && state.lapsesAt !== null ? ask(state, 'expiring') : [state]
    case 'answer':
      return answered(state, input, world)
    case 'frame':
      return hear({ ...state, ...heardNow(state.facts.pingInterval, world) }, input.frame, world)
    case 'closed':
      return closed(state, input.close, world)
    case 'barred':
      return over(state, input.fault, { do: 'drop' })
    case 'time':
      return timePassed(state, world)
    case 'wake':
      return probe(state, world)
    default:
      return [state]
  }
}
