import { isDeepStrictEqual } from 'node:util'
import {
  EngineError,
  type Credential,
  type MessagesRead,
  type SessionRef,
  type UserRecord,
  type UserRef,
} from '../../engine/index.js'
import {
  errorMessages,
  isRetryable,
  parseProfile,
  PROFILE_RULE,
  type ClientFrameOf,
  type Message,
} from '../../protocol/index.js'
import type { SessionChange } from '../../protocol/internal.js'
import { TaskQueue } from '../../util/task-queue.js'
import { authenticateToken } from '../auth/admission.js'
import type { App } from '../apps/app.js'
import { MAX_DEBT, MAX_THROTTLED } from '../limits/rate-limiter.js'
import type { Delivery } from './messages/delivery.js'
import type { ExpiryTimer } from './expiry-timer.js'
import { Contacts } from './presence/contacts.js'
import type { ConnectionHandle } from './connection-handle.js'
import { catchEngineError, engineRetryAfter } from './engine-retry.js'
import { BAD_PEER, createInboxAnswers, isPeer, OTHER_EPOCH } from './messages/inbox-answers.js'
import {
  createMessaging,
  type MessagingContext,
  type Refuse,
  type RequestFrame,
} from './messages/messaging.js'
import type { UserLimits } from './user-limits.js'
import { createDevices } from './devices.js'
import { PresenceFeed } from './presence/presence-feed.js'
import { createSendBarrier } from './messages/send-barrier.js'
import type { Said } from '../messages/own-profile.js'
import { createSignaling } from './presence/signaling.js'
import { userOf } from './user-of.js'

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
  /** Sends the client what is unread now, because a newer message was sent before the event of a read mark came. */
  recount(marked: Pick<MessagesRead, 'inbox' | 'peer'>): void
  /** Called when the connection has closed, for this reason. Ends the session's watch of other users. */
  stop(reason: SessionChange['code']): void
  /** Resolves when every frame that was handled so far is answered. */
  allAnswered(): Promise<void>
}

/** Frames that were handled one after the other. `onAnswered` is set when no more frames are added. */
interface Batch {
  unanswered: number
  onAnswered?: () => void
}

const REVOKED = "The app's backend revoked this token: send another one."

/** The parts of a session that its frames read and change. */
interface SessionParts {
  readonly user: UserRef
  readonly ref: SessionRef
  /** The credential that the session started with. */
  readonly credential: Credential
  readonly limits: UserLimits
  /** The origin of the client's page; null for a client that is not a browser. */
  readonly origin: string | null
  readonly expiryTimer: ExpiryTimer
  /** Returns how often the engine has said that the session's credentials were revoked. */
  readonly reauths: () => number
  /** Called when the session has good credentials, so that the client need not be asked for others. */
  readonly cancelReauth: () => void
  readonly delivery: Delivery
  /** The app's key that `started` has told. */
  readonly pushKey: string | undefined
  readonly epoch: string
  /** Returns the `sender` of the session's messages; undefined if they carry the stored profile of the user. */
  readonly sender: () => Message['sender'] | undefined
  /** Called with what a frame of the client says about the user, and with the user's record after it. */
  readonly say: (said: Said, user: UserRecord) => void
}

export const createFrameHandler = (
  context: MessagingContext,
  app: App,
  {
    user,
    ref,
    credential: firstCredential,
    limits: userLimits,
    origin,
    expiryTimer,
    reauths,
    cancelReauth,
    delivery,
    pushKey,
    epoch,
    sender,
    say,
  }: SessionParts,
  connection: ConnectionHandle,
): FrameHandler => {
  const { engine, log, metrics, settings } = context
  const { appId } = user
  /** Renewals run one after the other, so that the last token counts, however long an earlier one takes to check. */
  const renewals = new TaskQueue()
  /** The session's current credential. */
  let currentCredential = firstCredential
  /** The frames since the latest call of `allAnswered`. */
  let batch: Batch = { unanswered: 0 }
  /** Resolves when all frames before `batch` are answered. */
  let earlierAnswered: Promise<unknown> = Promise.resolve()
  let pendingCount = 0
  /** Why the connection has closed; undefined while it is open. */
  let closedBecause: SessionChange['code'] | undefined

  /** While the connection is open, a revocation either ends it or asks for another token. */
  const isRevoked = async (): Promise<boolean> =>
    closedBecause !== undefined &&
    (closedBecause === 'revoked' ||
      closedBecause === 'token-expired' ||
      (await engine.isRevoked(user, currentCredential)))

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
    if (re.type === 'send' && retryable) sendBarrier.raise({ code, why, retryAfter })
  }

  const createOwnMessaging = () =>
    createMessaging(
      context,
      app,
      { user, limits: userLimits, origin, sender },
      {
        connection,
        refuse,
        sendBarrier,
        isRevoked,
        // Makes the recipient a contact. The engine's event with the user's own copy perhaps comes too late for the client's next signal.
        onStored: (to) => feeds?.contacts.onMessage({ from: user.userId, to }),
      },
    )
  /** Created for the first `send`. */
  let messaging: ReturnType<typeof createOwnMessaging> | undefined

  const inboxAnswers = createInboxAnswers(context, { user, epoch }, { connection, refuse })

  const createOwnDevices = () =>
    createDevices(context, app, user, {
      refuse,
      // If a renewal came before the `push` frame, the device waits for it, and gets the new credential.
      credential: () => renewals.run(() => Promise.resolve(currentCredential)),
      pushKey,
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

  /** Answers a `token` frame. If the token is refused, the session keeps the expiry that it has. */
  const renewExpiry = async (frame: ClientFrameOf<'token'>): Promise<void> => {
    const authenticated = await authenticateToken(app, frame.token, metrics)
    if (!authenticated.ok)
      return refuse(
        frame,
        authenticated.code === 'unavailable' ? 'unavailable' : 'unauthenticated',
        authenticated.why,
        authenticated.retryAfter,
      )
    if (authenticated.userId !== user.userId)
      return refuse(
        frame,
        'unauthenticated',
        "The token's 'sub' is not this session's user: end the session and start one for the other user.",
      )
    const { credential } = authenticated
    let seenReauths = reauths()
    /** Returns whether the token was revoked in the meantime. Then its expiry must not become the session's. */
    const isRevokedMeanwhile = async (): Promise<boolean> => {
      while (seenReauths !== reauths()) {
        seenReauths = reauths()
        if (await engine.isRevoked(user, credential)) return true
      }
      return false
    }
    const isRenewed = await engine.renewSession(ref, connection.connectionId, credential)
    if (!isRenewed || (await isRevokedMeanwhile())) return refuse(frame, 'unauthenticated', REVOKED)
    const { vouched } = authenticated
    const saved = vouched && (await engine.changeUser(user, { vouched }))
    if (saved === null) return connection.end('revoked')
    if (await isRevokedMeanwhile()) return refuse(frame, 'unauthenticated', REVOKED)
    currentCredential = credential
    if (saved) say({ vouched }, saved.user)
    // After a revocation `LiveSession` asks for another token when the next second begins. The new token makes that needless, unless a
    // further revocation has just come.
    if (seenReauths === reauths()) cancelReauth()
    expiryTimer.set(credential.expiresAt)
    connection.send({ type: 'renewed', expiresIn: expiryTimer.remaining() })
  }

  const changeProfile = async (frame: ClientFrameOf<'profile'>): Promise<void> => {
    const changes = parseProfile(frame.user)
    // This check comes first: a client sends a change again in its next start, unless it was a `bad-request`, and the start would end.
    if (!changes) return refuse(frame, 'bad-request', PROFILE_RULE)
    if (app.settings.profiles !== 'anyone')
      return refuse(
        frame,
        'refused',
        "Only the app's backend changes profiles: the app's 'profiles' setting is 'vouched'.",
      )
    const saved = await engine.changeUser(user, { claimed: changes })
    // The user was deleted, and the session is about to end.
    if (!saved) return connection.end('revoked')
    const { claimed } = saved.user
    if (!isDeepStrictEqual({ ...claimed, ...changes }, claimed))
      return refuse(frame, 'too-large', PROFILE_RULE)
    say({ claimed: changes }, saved.user)
    // If the profile did not change, the engine emits no `user-changed` event. The client gets `user` even then.
    if (!saved.changed) connection.send({ type: 'user', user: userOf(saved.user) })
  }

  const read = async (frame: ClientFrameOf<'read'>): Promise<void> => {
    const { with: peer } = frame
    if (!isPeer(peer)) return refuse(frame, 'bad-request', BAD_PEER)
    if (frame.epoch !== epoch) return refuse(frame, 'conflict', OTHER_EPOCH)
    const mark = async () =>
      peer === undefined
        ? { inbox: await engine.markRead(user, frame), peer }
        : engine.markPeerRead(user, peer, frame)
    const [marked, isPassedOn] = await delivery.whetherPassedOn(peer, mark)
    if (!marked?.inbox) return connection.end('unavailable', OTHER_EPOCH, engineRetryAfter())
    // If the mark did not change, the engine emits no `read` event. The client gets `unread` even then.
    if (isPassedOn || delivery.sendReadMark(marked.inbox, marked.peer)) return
    // A message was sent to the client while the engine counted, so the engine counts again.
    return read(frame)
  }

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
        return renewals.run(() => renewExpiry(frame)).then(renewDevice)
      case 'profile':
        return changeProfile(frame)
      case 'send':
        return (messaging ??= createOwnMessaging()).send(frame, feeds?.signals.passed(frame.to))
      case 'history':
        return inboxAnswers.history(frame)
      case 'peers':
        return inboxAnswers.peers(frame)
      case 'read':
        return read(frame)
      case 'signal':
        return (feeds ??= createFeeds()).signals.signal(frame, messaging?.unansweredTo(frame.to) ?? [])
      case 'watch':
        return (feeds ??= createFeeds()).presence.watch(frame)
      case 'push':
        return (devices ??= createOwnDevices()).handle(frame)
    }
  }

  const onAnswered = (of: Batch, isCounted: boolean): void => {
    if (isCounted) pendingCount -= 1
    of.unanswered -= 1
    if (of.unanswered === 0) of.onAnswered?.()
  }

  const onFailed = (error: unknown, frame: RequestFrame): void => {
    if (error instanceof EngineError) {
      // If the engine fails, the frame is refused and the session goes on.
      metrics.engineErrors.inc({ code: error.code })
      log.warn({ err: error }, 'a frame was refused because the engine failed')
      refuse(frame, 'unavailable', undefined, engineRetryAfter())
    } else connection.fail(error)
  }

  const answer = (frame: RequestFrame, isCounted: boolean): void => {
    const own = batch
    own.unanswered += 1
    // An async function would make several more promises for each message.
    try {
      const executed = execute(frame)
      if (!executed) return onAnswered(own, isCounted)
      executed.then(
        () => onAnswered(own, isCounted),
        (error: unknown) => {
          onFailed(error, frame)
          onAnswered(own, isCounted)
        },
      )
    } catch (error) {
      onFailed(error, frame)
      onAnswered(own, isCounted)
    }
  }

  return {
    onMessage(message) {
      feeds?.contacts.onMessage(message)
      feeds?.presence.onMessage(message)
    },
    recount({ inbox, peer }) {
      if (inbox.epoch !== epoch) return
      const { readOffset } = peer ?? inbox
      // The mark is there already, so the engine only counts. If the engine fails, the next mark corrects the count.
      const counted = read({ type: 'read', epoch, offset: readOffset, ...(peer && { with: peer.id }) })
      catchEngineError(counted, { metrics, connection }, () => undefined)
    },
    stop(reason) {
      closedBecause = reason
      feeds?.presence.stop()
    },
    async allAnswered() {
      const last = batch
      if (last.unanswered > 0) {
        batch = { unanswered: 0 }
        const lastAnswered = new Promise<void>((resolve) => (last.onAnswered = resolve))
        earlierAnswered = Promise.all([earlierAnswered, lastAnswered])
      }
      await earlierAnswered
    },
    handle(frame) {
      // Sends and signals have limits of their own.
      const wait = frame.type === 'send' || frame.type === 'signal' ? 0 : userLimits.takeRequest()
      if (wait > 0) return refuse(frame, 'rate-limited', undefined, wait)
      const { authorizeSend, authorizeSendUrl } = app.settings
      const isCounted = frame.type !== 'send' || authorizeSend !== null || authorizeSendUrl !== null
      // The answer to a `read` is an `unread` frame, which waits until the messages in its count are sent. So the limit on `read` frames
      // also counts the marks that wait.
      const waitingCount = pendingCount + (frame.type === 'read' ? delivery.waitingReadMarks : 0)
      // Without this limit a client that sends frames faster than they are answered would fill the memory.
      if (isCounted && waitingCount >= MAX_PENDING) {
        metrics.limitsReached.inc({ app: appId, limit: 'pendingFrames' })
        return refuse(frame, 'rate-limited', undefined, RETRY_AFTER)
      }
      if (isCounted) pendingCount += 1
      answer(frame, isCounted)
    },
  }
}
