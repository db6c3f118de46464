import { EngineError, type MessagesRead, type UserRecord, type UserRef } from '../../engine/index.js'
import { errorMessages, isRetryable, type Message } from '../../protocol/index.js'
import type { SessionChange } from '../../protocol/internal.js'
import type { App } from '../apps/app.js'
import { MAX_DEBT, MAX_THROTTLED } from '../limits/rate-limiter.js'
import type { Said } from '../messages/own-profile.js'
import { changeProfile } from './change-profile.js'
import type { ConnectionHandle } from './connection-handle.js'
import { createDevices } from './devices.js'
import { catchEngineError, engineRetryAfter } from './engine-retry.js'
import type { Delivery } from './messages/delivery.js'
import { createInboxAnswers } from './messages/inbox-answers.js'
import {
  createMessaging,
  type MessagingContext,
  type Refuse,
  type RequestFrame,
} from './messages/messaging.js'
import { createReadFrames } from './messages/read-frames.js'
import { createSendBarrier } from './messages/send-barrier.js'
import { PendingFrames } from './pending-frames.js'
import { Contacts } from './presence/contacts.js'
import { PresenceFeed } from './presence/presence-feed.js'
import { createSignaling } from './presence/signaling.js'
import type { Renewals } from './renewals.js'
import type { UserLimits } from './user-limits.js'

/** How many frames of one session may wait for their answers. Sends count only if `authorizeSend` or `authorizeSendUrl` decides about them. */
const MAX_PENDING = 100
/** Milliseconds after which a client tries again if too many of its frames wait. */
const RETRY_AFTER = 1_000

/** The most milliseconds for which frames that a client has sent wait, because the client has sent more than `bytesPerSecond`. */
const MAX_PAUSED = MAX_THROTTLED + 1_000 * MAX_DEBT

/** Answers the frames of one session's client, or refuses them. */
export interface FrameHandler {
  handle(frame: RequestFrame): void
  /** Called with each message that comes into the user's inbox. */
  onMessage(message: Message): void
  /** Sends the client what is unread now, because a newer message or a later mark was sent before the event of a read mark came. */
  recount(marked: Pick<MessagesRead, 'inbox' | 'peer'>): void
  /** Called when the connection has closed, for this reason. Ends the session's watch of other users. */
  stop(reason: SessionChange['code']): void
  /** Resolves when every frame that was handled so far is answered. */
  allAnswered(): Promise<void>
}

/** The parts of a session that its frames read and change. */
interface SessionParts {
  readonly user: UserRef
  readonly epoch: string
  readonly limits: UserLimits
  readonly delivery: Delivery
  readonly renewals: Renewals
  /** The origin of the client's page; null for a client that is not a browser. */
  readonly origin: string | null
  /** The app's key that `started` has told. */
  readonly pushKey: string | undefined
  /** Returns the `sender` of the session's messages; undefined if they carry the stored profile of the user. */
  readonly sender: () => Message['sender'] | undefined
  /** Called with what a frame of the client says about the user, and with the user's record after it. */
  readonly say: (said: Said, user: UserRecord) => void
}

export const createFrameHandler = (
  context: MessagingContext,
  app: App,
  session: SessionParts,
  connection: ConnectionHandle,
): FrameHandler => {
  const { engine, log, metrics, settings } = context
  const { user, limits: userLimits, delivery, renewals } = session
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

  const sendBarrier = createSendBarrier(connection, 2 * settings.pingInterval + MAX_PAUSED)

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

  const createOwnMessaging = () =>
    createMessaging(context, app, session, {
      connection,
      refuse,
      sendBarrier,
      isRevoked,
      // Makes the recipient a contact. The engine's event with the user's own copy perhaps comes too late for the client's next signal.
      onStored: (to) => feeds?.contacts.onMessage({ from: user.userId, to }),
    })
  /** Created for the first `send`. */
  let messaging: ReturnType<typeof createOwnMessaging> | undefined

  const inboxAnswers = createInboxAnswers(context, session, { connection, refuse })
  const readFrames = createReadFrames(context, session, { connection, refuse })

  const createOwnDevices = () =>
    createDevices(context, app, user, {
      refuse,
      // If a renewal came before the `push` frame, the device waits for it, and gets the new credential.
      credential: () => renewals.settled(),
      pushKey: session.pushKey,
    })
  /** Created for the first `push`. */
  let devices: ReturnType<typeof createOwnDevices> | undefined

  const createFeeds = () => {
    const contacts = new Contacts(engine, user)
    return {
      contacts,
      signals: createSignaling(context, app, user, { limits: userLimits, contacts, refuse }),
      presence: new PresenceFeed(context.watchers, app, user, {
        connection,
        contacts,
        refuse,
        catchError: (work) => catchEngineError(work, { metrics, connection }, () => undefined),
      }),
    }
  }
  /** Created for the first `signal` or `watch`. Most sessions send neither. */
  let feeds: ReturnType<typeof createFeeds> | undefined

  /** Stores the new credential with the device after a `token` frame. If the engine fails, the next renewal tries again. */
  const renewDevice = async (): Promise<void> => {
    if (!devices) return
    const renewed = devices.renewed()
    catchEngineError(renewed, { metrics, connection }, () => undefined)
    await Promise.allSettled([renewed])
  }

  const execute = (frame: RequestFrame): Promise<unknown> | undefined => {
    switch (frame.type) {
      case 'token':
        return renewals.renew(frame, refuse).then(renewDevice)
      case 'profile':
        return changeProfile(frame, { engine, app, user, connection, refuse, say: session.say })
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
        return (devices ??= createOwnDevices()).handle(frame)
    }
  }

  const onFailed = (error: unknown, frame: RequestFrame): void => {
    if (error instanceof EngineError) {
      // If the engine fails, the frame is refused and the session goes on.
      metrics.engineErrors.inc({ code: error.code })
      log.warn({ err: error }, 'a frame was refused because the engine failed')
      refuse(frame, 'unavailable', undefined, engineRetryAfter())
    } else connection.fail(error)
  }

  return {
    onMessage(message) {
      feeds?.contacts.onMessage(message)
      feeds?.presence.onMessage(message)
    },
    recount: readFrames.recount,
    stop(reason) {
      closedBecause = reason
      feeds?.presence.stop()
    },
    allAnswered: () => pending.allAnswered(),
    handle(frame) {
      // Sends and signals have limits of their own.
      const wait = frame.type === 'send' || frame.type === 'signal' ? 0 : userLimits.takeRequest()
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
