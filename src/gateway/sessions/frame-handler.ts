import { EngineError, type MessagesRead } from '../../engine/index.js'
import { errorMessages, isRetryable, type Message } from '../../protocol/index.js'
import type { SessionChange } from '../../protocol/internal.js'
import { MAX_DEBT, MAX_THROTTLED } from '../limits/rate-limiter.js'
import { changeProfile } from './change-profile.js'
import { createDevices, type Devices } from './devices.js'
import { engineRetryAfter } from './engine-retry.js'
import { createInboxAnswers } from './messages/inbox-answers.js'
import { createMessaging, type Messaging } from './messages/messaging.js'
import { createReadFrames } from './messages/read-frames.js'
import { createSendBarrier } from './messages/send-barrier.js'
import { PendingFrames } from './pending-frames.js'
import { Contacts } from './presence/contacts.js'
import { PresenceFeed } from './presence/presence-feed.js'
import { createSignaling } from './presence/signaling.js'
import type { FrameScope } from './frame-scope.js'
import type { Refuse, RequestFrame } from './session-context.js'

/** How many frames of one session may wait for their answers. Sends count only if `authorizeSend` or `authorizeSendUrl` decides about them. */
const MAX_PENDING = 100
/** Milliseconds after which a client tries again if too many of its frames wait. */
const RETRY_AFTER = 1_000

/** The most milliseconds for which frames that a client has sent wait, because the client has sent more than `bytesPerSecond`. */
const MAX_PAUSED = MAX_THROTTLED + 1_000 * MAX_DEBT

/** Answers the frames of one session's client, or refuses them. */
export type FrameHandler = ReturnType<typeof createFrameHandler>

export const createFrameHandler = (session: Omit<FrameScope, 'refuse'>) => {
  const { context, app, user, connection, limits, delivery, renewals } = session
  const { engine, log, metrics, settings } = context
  const { appId } = user
  const pending = new PendingFrames()
  /** Why the connection has closed; undefined while it is open. */
  let closedBecause: SessionChange['code'] | undefined

  /** While the connection is open, a revocation either ends it or asks for another token. */
  const isRevoked = async (): Promise<boolean> =>
    closedBecause !== undefined &&
    (closedBecause === 'revoked' ||
      closedBecause === 'token-expired' ||
      (await engine.isRevoked(user, renewals.credential)))

  const sendBarrier = createSendBarrier(connection.heartbeat, 2 * settings.pingInterval + MAX_PAUSED)

  const refuse: Refuse = (re, code, why = errorMessages[code], retryAfter) => {
    const retryable = isRetryable(code)
    connection.send({
      type: 'refused',
      re: re.type,
      ...('id' in re && { id: re.id }),
      code,
      message: why,
      retryable,
      ...(retryAfter !== undefined && { retryAfter }),
    })
    metrics.refusals.inc({ app: appId, frame: re.type, code })
    if (re.type === 'send' && retryable) sendBarrier.raise(code, why, retryAfter)
  }

  const scope: FrameScope = { ...session, refuse }
  const inboxAnswers = createInboxAnswers(scope)
  const readFrames = createReadFrames(scope)
  /** Each is created for the first frame that needs it: `send`, `push`, and for feeds `signal` or `watch`. Most sessions send none. */
  let messaging: Messaging | undefined
  let devices: Devices | undefined
  let feeds: ReturnType<typeof createFeeds> | undefined

  const createFeeds = () => {
    const contacts = new Contacts(engine, user)
    return {
      contacts,
      signals: createSignaling(scope, contacts),
      presence: new PresenceFeed(scope, contacts),
    }
  }

  const createOwnMessaging = (): Messaging =>
    createMessaging(scope, {
      sendBarrier,
      isRevoked,
      // Makes the recipient a contact. The engine's event with the user's own copy perhaps comes too late for the client's next signal.
      onStored: (to) => feeds?.contacts.onMessage({ from: user.userId, to }),
    })

  const execute = (frame: RequestFrame): Promise<unknown> | undefined => {
    switch (frame.type) {
      case 'token':
        return renewals.renew(frame, refuse).then(() => devices?.renewed())
      case 'profile':
        return changeProfile(frame, scope)
      case 'send':
        return (messaging ??= createOwnMessaging()).send(frame, feeds?.signals.passed(frame.to))
      case 'history':
        return inboxAnswers.history(frame)
      case 'peers':
        return inboxAnswers.peers(frame)
      case 'read':
        return readFrames.read(frame)
      case 'signal':
        return (feeds ??= createFeeds()).signals.signal(frame, messaging?.unansweredTo(frame.to) ?? [])
      case 'watch':
        return (feeds ??= createFeeds()).presence.watch(frame)
      case 'push':
        return (devices ??= createDevices(scope)).handle(frame)
    }
  }

  const onFailed = (error: unknown, frame: RequestFrame): void => {
    if (!(error instanceof EngineError)) return connection.fail(error)
    // If the engine fails, the frame is refused and the session goes on.
    metrics.engineErrors.inc({ code: error.code })
    log.warn({ err: error }, 'a frame was refused because the engine failed')
    refuse(frame, 'unavailable', undefined, engineRetryAfter())
  }

  return {
    /** Called with each message that comes into the user's inbox. */
    onMessage(message: Message): void {
      feeds?.contacts.onMessage(message)
      feeds?.presence.onMessage(message)
    },
    /** Sends the client what is unread now, because a newer message or a later mark was sent before the event of a read mark came. */
    recount: (marked: Pick<MessagesRead, 'inbox' | 'peer'>): void => readFrames.recount(marked),
    /** Called when the connection has closed, for this reason. Ends the session's watch of other users. */
    stop(reason: SessionChange['code']): void {
      closedBecause = reason
      feeds?.presence.stop()
    },
    /** Resolves when every frame that was handled so far is answered. */
    allAnswered: (): Promise<void> => pending.allAnswered(),
    handle(frame: RequestFrame): void {
      // Sends and signals have limits of their own.
      const wait = frame.type === 'send' || frame.type === 'signal' ? 0 : limits.take('requestsPerSecond')
      if (wait > 0) return refuse(frame, 'rate-limited', undefined, wait)
      const { authorizeSend, authorizeSendUrl } = app.settings
      const isCounted = frame.type !== 'send' || authorizeSend !== null || authorizeSendUrl !== null
      // The answer to a `read` is an `unread` frame, which waits until the messages in its count are sent. So the limit on `read` frames
      // also counts the marks that wait.
      const waitingCount = pending.counted + (frame.type === 'read' ? delivery.waitingReadMarks : 0)
      // Without this limit a client that sends frames faster than they are answered would fill the memory.
      if (isCounted && waitingCount >= MAX_PENDING) {
        metrics.limitsReached.inc({ app: appId, limit: 'pendingFrames' })
        return refuse(frame, 'rate-limited', undefined, RETRY_AFTER)
      }
      pending.run(
        () => execute(frame),
        isCounted,
        (error) => onFailed(error, frame),
      )
    },
  }
}
