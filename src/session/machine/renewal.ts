import type { GatewayFrameOf } from '../../protocol/index.js'
import { countFetchFailure, discardAll, endAndClose, endWith, fetchFault, fetchToken } from './steps.js'
import { renewalLead } from './waits.js'
import type { Active, Effect, InputOf, Renewal, SessionFrame, Step, World } from './state.js'

/* How a live session renews its token. */

/** Returns when credentials that are good for `expiresIn` milliseconds expire, and when to fetch others: never, if `expiresIn` is null. */
export const renewalSchedule = (
  expiresIn: number | null,
  { now }: World,
): Pick<Active, 'expiresAt' | 'credentials'> => {
  const lifetime = expiresIn ?? Infinity
  return {
    expiresAt: now + lifetime,
    credentials: { at: 'scheduled', until: now + lifetime - renewalLead(lifetime), reason: 'expiring' },
  }
}

/** Returns the token that was sent and that the gateway has neither accepted nor refused for good; null if there is none. */
export const pendingToken = ({ credentials }: Active): Extract<Renewal, { fetched: boolean }> | null =>
  credentials.at === 'sent' || credentials.at === 'retrying' ? credentials : null

const sendToken = (state: Active, fetched: boolean, superseded: number): Step => [
  { ...state, credentials: { at: 'sent', fetched, superseded } },
  { do: 'send-token' },
]

/** Called when the page has set a token. */
export const sendGivenToken = (state: Active): Step => {
  const { credentials } = state
  return sendToken(state, false, credentials.at === 'sent' ? credentials.superseded + 1 : 0)
}

/** Called when the page has set a source of tokens. */
export const useSource = (state: Active): Step =>
  state.credentials.at === 'held' ? fetchToken(state, 'expiring') : [state]

export const fetchedWhileActive = (state: Active, input: InputOf<'fetch-result'>, world: World): Step => {
  const { credentials } = state
  if (credentials.at !== 'fetching') return [state]
  switch (input.result) {
    case 'fresh':
      return sendToken({ ...state, fetchFailures: 0 }, true, 0)
    case 'no-source':
      return [{ ...state, credentials: { at: 'held' } }]
    case 'signed-out':
      return endWith(state, { code: 'signed-out' }, discardAll, ...endAndClose)
    case 'failed': {
      const { fetchFailures, until } = countFetchFailure(state, world)
      return [
        { ...state, fetchFailures, credentials: { at: 'scheduled', until, reason: credentials.reason } },
        { do: 'emit-error', fault: fetchFault(input.cause) },
      ]
    }
  }
}

/** A `renewed` with `reauth` is no answer. */
const isTokenAnswer = (frame: SessionFrame): boolean =>
  (frame.type === 'renewed' && !frame.reauth) || (frame.type === 'refused' && frame.re === 'token')

/**
 * If the frame answers a token that a newer one has replaced, returns the step that counts the answer. The gateway answers tokens in the
 * order in which they were sent.
 */
export const supersededAnswer = (state: Active, frame: SessionFrame): Step | null => {
  const { credentials } = state
  if (credentials.at !== 'sent' || credentials.superseded === 0 || !isTokenAnswer(frame)) return null
  return [{ ...state, credentials: { ...credentials, superseded: credentials.superseded - 1 } }]
}

export const renewed = (
  state: Active,
  { expiresIn, reauth }: GatewayFrameOf<'renewed'>,
  world: World,
): Step => {
  const schedule = renewalSchedule(expiresIn, world)
  if (!reauth)
    return [{ ...state, fetchFailures: 0, rejections: 0, ...schedule }, { do: 'accept-credentials' }]
  // The backend has revoked the credentials, and the gateway waits for new ones.
  const next: Active = { ...state, expiresAt: schedule.expiresAt }
  const { at } = state.credentials
  return at === 'held' || at === 'scheduled' ? fetchToken(next, 'rejected') : [next]
}

/**
 * Called when a token was refused. The session goes on with the token that the gateway accepted before. If the refusal is retryable, the
 * session sends the refused token again later. Otherwise, if the session had fetched that token, it fetches another one at once. If that
 * one is refused, too, the session ends.
 */
export const tokenRefused = (state: Active, frame: GatewayFrameOf<'refused'>, world: World): Step => {
  const discard: Effect = { do: 'discard', which: 'newest' }
  const emitError: Effect = { do: 'emit-error', fault: frame }
  const pending = pendingToken(state)
  if (pending && frame.retryable) {
    const { fetchFailures, until } = countFetchFailure(state, world, frame.retryAfter)
    const credentials: Renewal = { at: 'retrying', until, fetched: pending.fetched }
    return [{ ...state, fetchFailures, credentials }, emitError]
  }
  if (!pending?.fetched)
    return [{ ...state, ...renewalSchedule(state.expiresAt - world.now, world) }, discard, emitError]
  const rejections = state.rejections + 1
  if (rejections >= 2) return endWith(state, frame, discardAll, ...endAndClose)
  const credentials: Renewal = { at: 'scheduled', until: world.now, reason: 'rejected' }
  return [{ ...state, rejections, credentials }, discard, emitError]
}

/** Called at the time for which the renewal waits. */
export const renewalDue = (state: Active, due: Extract<Renewal, { until: number }>): Step =>
  due.at === 'retrying' ? sendToken(state, due.fetched, 0) : fetchToken(state, due.reason)
