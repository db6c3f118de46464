import { EngineError, mergeProfile, type UserRef } from '../../engine/index.js'
import {
  errorMessages,
  isRetryable,
  limits,
  parseProfile,
  PROFILE_RULE,
  type ClientFrameOf,
} from '../../protocol/index.js'
import { proveToken } from '../auth/admission.js'
import type { App } from '../auth/app.js'
import type { Delivery } from './delivery.js'
import type { ExpiryTimer } from './expiry-timer.js'
import type { ConnectionHandle } from './connection-handle.js'
import { createMessaging, OTHER_EPOCH, type MessagingContext, type Refuse } from './messaging.js'
import { createSendOrder } from './send-order.js'

/** Frames that may wait for their answers together, sends aside that only their rate limits. */
const MAX_PENDING = 100
/** Milliseconds after which it is worth asking again. */
const RETRY_AFTER = 1_000

/** What a live session is asked. */
export type RequestFrame = ClientFrameOf<'token' | 'profile' | 'send' | 'history' | 'read'>

/** Carries out what a session's client asks for, or refuses it. */
export interface FrameHandler {
  handle(frame: RequestFrame): void
  /** Resolves when every frame so far has its answer. */
  settled(): Promise<void>
}

export const createFrameHandler = (
  context: MessagingContext,
  app: App,
  { of, lapse, delivery, epoch }: { of: UserRef; lapse: ExpiryTimer; delivery: Delivery; epoch: string },
  line: ConnectionHandle,
): FrameHandler => {
  const { engine, log, settings } = context
  /** The last renewal: the token that came last decides, however long an earlier one takes to check. */
  let renewed = Promise.resolve()
  const inFlight = new Set<Promise<void>>()
  let pendingCount = 0

  const order = createSendOrder(line, 2 * settings.pingInterval)

  const refuse: Refuse = (re, code, why = errorMessages[code], retryAfter) => {
    const retryable = isRetryable(code)
    line.send({
      type: 'refused',
      re: re.type,
      ...('id' in re && { id: re.id }),
      code,
      message: why,
      retryable,
      ...(retryAfter !== undefined && { retryAfter }),
    })
    if (re.type === 'send' && retryable) order.hold({ code, why, retryAfter })
  }

  const messaging = createMessaging(context, app, { of, epoch }, { line, refuse, order })

  /** A token that is refused leaves the session with the one it has. */
  const renew = async (frame: ClientFrameOf<'token'>): Promise<void> => {
    const proven = await proveToken(app, frame.token)
    if (!proven.ok)
      return refuse(frame, proven.code === 'unavailable' ? 'unavailable' : 'unauthenticated', proven.why)
    if (proven.userId !== of.userId)
      return refuse(frame, 'unauthenticated', 'The token is for another user than the session is.')
    if (proven.vouched) await engine.saveUser(of, { vouched: proven.vouched })
    lapse.set(proven.expiresAt)
    line.send({ type: 'renewed', expiresIn: lapse.remaining() })
  }

  const changeProfile = async (frame: ClientFrameOf<'profile'>): Promise<void> => {
    if (app.settings.profiles !== 'anyone')
      return refuse(frame, 'refused', "Only the app's backend changes profiles in this app.")
    const changes = parseProfile(frame.user)
    if (!changes) return refuse(frame, 'bad-request', PROFILE_RULE)
    const { vouched = {}, claimed = {} } = (await engine.user(of)) ?? {}
    const whole = mergeProfile({ vouched, claimed: { ...claimed, ...changes } })
    if (Buffer.byteLength(JSON.stringify(whole)) > limits.profile)
      return refuse(frame, 'too-large', PROFILE_RULE)
    await engine.saveUser(of, { claimed: changes })
  }

  const read = async (frame: ClientFrameOf<'read'>): Promise<void> => {
    if (frame.epoch !== epoch) return refuse(frame, 'conflict', OTHER_EPOCH)
    const before = delivery.readMarkCount
    const inbox = await engine.markRead(of, frame)
    if (!inbox) return line.end('unavailable', OTHER_EPOCH)
    // A mark that didn't move is told to nobody; who asked hears where it stands.
    if (delivery.readMarkCount > before || delivery.sendReadMark(inbox)) return
    // A message was sent while it was counted.
    return read(frame)
  }

  const execute = (frame: RequestFrame): Promise<void> => {
    switch (frame.type) {
      case 'token':
        // What an earlier one failed of was its own frame's to be told.
        renewed = renewed.catch(() => undefined).then(() => renew(frame))
        return renewed
      case 'profile':
        return changeProfile(frame)
      case 'send':
        return messaging.send(frame)
      case 'history':
        return messaging.history(frame)
      case 'read':
        return read(frame)
    }
  }

  return {
    async settled() {
      await Promise.all(inFlight)
    },
    handle(frame) {
      const isCounted = frame.type !== 'send' || app.settings.authorizeSend !== null
      // What a client asks for faster than it can be done would pile up here.
      if (isCounted && pendingCount >= MAX_PENDING)
        return refuse(frame, 'rate-limited', undefined, RETRY_AFTER)
      pendingCount += Number(isCounted)
      const answered = execute(frame)
        .catch((error: unknown) => {
          // What an engine can't do now is refused, and the session goes on.
          if (!(error instanceof EngineError)) throw error
          log.warn({ err: error }, 'a frame was refused')
          refuse(frame, 'unavailable')
        })
        .finally(() => (pendingCount -= Number(isCounted)))
      line.endOnError(answered)
      const settle = (): boolean => inFlight.delete(settled)
      const settled: Promise<void> = answered.then(settle, settle).then(() => undefined)
      inFlight.add(settled)
    },
  }
}
