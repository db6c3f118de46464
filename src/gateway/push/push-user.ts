import {
  type Engine,
  type PushDevice,
  type PushOutcome,
  type SessionRecord,
  type UnreadSenders,
  type UserRef,
} from '../../engine/index.js'
import type { App } from '../apps/app.js'
import type { AppPush } from '../apps/vapid.js'
import type { Settings } from '../config/parse.js'
import type { Log } from '../log.js'
import type { Metrics } from '../metrics/metrics.js'
import { OutboundRequestError } from '../outbound/outbound-request.js'
import { createRequestMeter } from '../outbound/request-meter.js'
import type { Tracing } from '../tracing/tracing.js'
import { lossFoundIn } from './loss.js'
import { pushPayload } from './payload.js'
import type { PushRequests } from './push-request.js'
import { sendPush, type Push, type PushResult } from './send-push.js'

/** How many senders a device gets pushes about at once. The pushes about other senders follow after `push.after`. */
const MAX_SENDERS = 5
/**
 * Once the pushes to a device have taken this many milliseconds, no further push to it is begun. Together with the time-out of one request
 * this is less than `engineRules.pushLease`, after which the engine may ask another gateway to push.
 */
const BEGIN_WITHIN = 10_000

/**
 * Milliseconds after which a user is due whom a closing gateway leaves to another one. If it were earlier, the engine could name the user
 * to the closing gateway again.
 */
export const HANDED_OVER_IN = 1_000

/** What pushes need of a gateway. */
export interface PushContext {
  engine: Engine
  log: Log
  metrics: Metrics
  tracing: Tracing
  settings: Pick<Settings, 'pingInterval'>
  requests: PushRequests
  /** When the gateway was created (Unix, milliseconds). */
  createdAt: number
}

/** Sends a push, counts it and makes its span. If the push is given up, the log says why. */
export const deliver = async (
  { log, metrics, requests, tracing }: PushContext,
  appPush: AppPush,
  device: PushDevice,
  push: Push,
): Promise<PushResult> => {
  const { appId, userId } = push.user
  const meter = createRequestMeter(metrics, appId, 'push')
  const span = tracing.start('push', 'CLIENT', push.traceparent, {
    'http.request.method': 'POST',
    'chat_session.app_id': appId,
  })
  let sent: PushResult | undefined
  try {
    sent = await sendPush({ requests, meter }, appPush, device, push)
  } finally {
    span.end({ 'chat_session.outcome': sent?.result }, sent ? sent.failure?.error : 'aborted')
  }
  const { result, failure } = sent
  metrics.pushes.inc({ app: appId, result })
  if (result === 'given-up')
    log.warn({ appId, userId, deviceId: device.id, ...failure }, 'a push was given up')
  else log.debug({ appId, userId, deviceId: device.id, result, ...failure }, 'pushed')
  return sent
}

/** The outcome for a device, and the milliseconds until its next push; null if no push is pending. */
interface DeviceResult {
  outcome?: PushOutcome
  dueIn: number | null
}

const pushToDevice = async (
  context: PushContext,
  push: AppPush,
  user: UserRef,
  device: PushDevice,
  { inbox, messages }: UnreadSenders,
): Promise<DeviceResult> => {
  const { after } = push.settings
  const until = performance.now() + BEGIN_WITHIN
  let outcome: PushOutcome | undefined
  let done = 0
  let isCut = false
  for (const message of messages.slice(0, MAX_SENDERS)) {
    if (performance.now() > until) break
    const { from, sentAt, offset, traceparent } = message
    const text = pushPayload(user, push.settings, message, inbox.unread)
    const sent = await deliver(context, push, device, {
      ...{ user, from, sentAt, text, traceparent },
    }).catch((error: unknown) => {
      if (!(error instanceof OutboundRequestError)) throw error
    })
    // The gateway closes. The engine still gets the outcomes so far: otherwise the next gateway would send the same pushes again.
    isCut = !sent
    if (!sent) break
    const { result, retryIn, failure } = sent
    if (result === 'failed')
      return { outcome: { ...outcome, id: device.id, result, retryIn }, dueIn: retryIn ?? after }
    outcome = { id: device.id, offset, result, report: failure }
    if (result === 'gone') return { outcome, dueIn: null }
    done += 1
    if (result === 'given-up') break
  }
  return {
    ...(outcome && { outcome }),
    dueIn: isCut ? HANDED_OVER_IN : done < messages.length ? after : null,
  }
}

/**
 * If the session's page was visible and lost its connection before this gateway was created, returns for how many milliseconds the gateway
 * waits for the page; otherwise 0. Meanwhile nothing is pushed: if the page reconnects, it shows the messages itself.
 */
const returnsIn = (
  { createdAt, settings }: PushContext,
  { state, hidden, lastSeenAt }: SessionRecord,
): number => {
  const found = lossFoundIn(settings.pingInterval)
  // The clock may have been set back since `createdAt`. Without the bound `found` the wait could then be days.
  return state === 'detached' && !hidden && lastSeenAt < createdAt
    ? Math.min(found, createdAt + found - Date.now())
    : 0
}

const isVisible = ({ state, hidden }: SessionRecord): boolean => state === 'active' && !hidden

const earliest = (delays: readonly (number | null)[]): number | null => {
  const known = delays.filter((delay) => delay !== null)
  return known.length > 0 ? Math.min(...known) : null
}

/**
 * Sends a user's devices the pushes that are due, and tells the engine their outcomes. Rejects if the engine fails. Then the engine emits
 * `push-due` for the user again later.
 */
export const pushToUser = async (context: PushContext, app: App, user: UserRef): Promise<void> => {
  const { engine, settings } = context
  const { push } = app
  const sessions = await engine.sessions(user)
  // A message that comes from now on has an offset beyond `through`, so the engine keeps the time at which its push is due.
  const { messages, inbox } = await engine.messagesBefore(user, null, 1)
  const through = inbox.offset
  const devices = push ? await engine.pushDevices(user) : []
  if (!push || devices.length === 0) return engine.endPushes(user, [], through, null)

  if (sessions.some(isVisible)) {
    const found = lossFoundIn(settings.pingInterval)
    // The clock of the sender's gateway may be ahead.
    const age = Math.max(0, Date.now() - (messages.at(-1)?.sentAt ?? 0))
    // If the page's connection had been dead when the newest message came, its gateway would have noticed by now. So the page has the
    // message.
    if (age >= found) return engine.seenOnPage(user, through)
    return engine.endPushes(user, [], through, found - age)
  }

  const returnIn = Math.max(0, ...sessions.map((session) => returnsIn(context, session)))
  if (returnIn > 0) return engine.endPushes(user, [], through, returnIn)

  const now = Date.now()
  const reads = new Map<number, Promise<UnreadSenders>>()
  const read = (offset: number): Promise<UnreadSenders> => {
    const found = reads.get(offset) ?? engine.unreadSenders(user, offset, MAX_SENDERS + 1)
    reads.set(offset, found)
    return found
  }
  const results = await Promise.all(
    devices.map(async (device): Promise<DeviceResult> => {
      if (device.retryAt > now) return { dueIn: device.retryAt - now }
      return pushToDevice(context, push, user, device, await read(device.offset))
    }),
  )
  await engine.endPushes(
    user,
    results.flatMap(({ outcome }) => outcome ?? []),
    through,
    earliest(results.map(({ dueIn }) => dueIn)),
  )
}
