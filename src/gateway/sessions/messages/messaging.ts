import type { Engine, SendResult, UserRef } from '../../../engine/index.js'
import { isRetryable, type ClientFrameOf, type Message } from '../../../protocol/index.js'
import { TaskQueue } from '../../../util/task-queue.js'
import type { App } from '../../apps/app.js'
import type { Settings } from '../../config/parse.js'
import {
  authorizeSend,
  maySend,
  NOT_ALLOWED,
  refusalOfResult,
  type RefusalParts,
} from '../../messages/client-sends.js'
import { countSend } from '../../messages/count-send.js'
import type { KnownProfiles } from '../../messages/known-profiles.js'
import type { MessageTurns } from '../../messages/message-turns.js'
import type { Asking, SendAuthorizer } from '../../messages/send-authorizer.js'
import { sendRulesOf } from '../../apps/engine-rules.js'
import { checkMessage } from '../../messages/rules.js'
import type { Metrics } from '../../metrics/metrics.js'
import type { Tracing } from '../../tracing/tracing.js'
import type { ConnectionHandle } from '../connection-handle.js'
import type { Log } from '../../log.js'
import type { UserLimits } from '../user-limits.js'
import type { Watchers } from '../presence/watchers.js'
import type { SendBarrier } from './send-barrier.js'
import { replaceContent } from '../../messages/send-authorizer.js'
import { setDataAside } from './set-data-aside.js'

/** The parts of a gateway that answer frames about messages. */
export interface MessagingContext {
  settings: Pick<Settings, 'sendWindow' | 'pingInterval'>
  engine: Engine
  log: Log
  metrics: Metrics
  messageTurns: MessageTurns
  profiles: KnownProfiles
  tracing: Tracing
  watchers: Watchers
  sendAuthorizer: SendAuthorizer
}

/** A frame that a live session answers. */
export type RequestFrame = ClientFrameOf<
  'token' | 'profile' | 'send' | 'history' | 'read' | 'peers' | 'signal' | 'watch' | 'push'
>

/** Answers a frame with `refused`. A `retryAfter` is in milliseconds. */
export type Refuse = (re: RequestFrame, ...refusal: RefusalParts) => void

/** Answers `send` frames. Each call resolves when its frame is answered; sends reach the engine in their order. */
interface Messaging {
  /** Stores a message, but not before `first` resolves. Returns undefined if the frame is refused at once. */
  send(frame: ClientFrameOf<'send'>, first: Promise<void> | undefined): Promise<unknown> | undefined
  /** Returns the unanswered sends to a user. */
  unansweredTo(userId: string): Promise<unknown>[]
}

/** Returns a `sent` frame as JSON. With `JSON.stringify` of the whole frame, sending a message would take 4% longer. */
const sentFrame = (id: string, offset: number, sentAt: number): string =>
  `{"type":"sent","id":${JSON.stringify(id)},"offset":${offset},"sentAt":${sentAt}}`

export const createMessaging = (
  { settings, engine, log, metrics, tracing, sendAuthorizer }: MessagingContext,
  app: App,
  {
    user,
    limits: userLimits,
    origin,
    sender,
  }: {
    user: UserRef
    limits: UserLimits
    origin: string | null
    /** Returns the `sender` of the session's messages; undefined if they carry the stored profile of the user. */
    sender: () => Message['sender'] | undefined
  },
  {
    connection,
    refuse,
    sendBarrier,
    isRevoked,
    onStored,
  }: {
    connection: ConnectionHandle
    refuse: Refuse
    sendBarrier: SendBarrier
    /** Resolves with whether the session has ended and its credential is no longer good. */
    isRevoked: () => Promise<boolean>
    /** Called with the recipient of each stored message, before the `send` frame is answered. */
    onStored: (userId: string) => void
  },
): Messaging => {
  const { appId, userId } = user
  /** Runs `sendInOrder` for one send after the other. */
  const turns = new TaskQueue()
  let turnCount = 0
  let failureCount = 0
  /**
   * The sends that are not answered, in their order. Most are answered in this order, so an array is enough. With a Map, sending a message
   * by the memory engine would take 5% longer.
   */
  let unanswered: { frame: ClientFrameOf<'send'>; sent: Promise<unknown> }[] = []
  const forget = (frame: ClientFrameOf<'send'>): void => {
    if (unanswered[0]?.frame === frame) unanswered.shift()
    else unanswered = unanswered.filter((each) => each.frame !== frame)
  }

  /** Answers a send with the engine's result. Returns false if the client may try the same send again. */
  const answerSend = (frame: ClientFrameOf<'send'>, sent: SendResult, at: number): boolean => {
    countSend(metrics, { appId, from: 'client', outcome: sent.outcome, at })
    forget(frame)
    if ('sentAt' in sent) {
      onStored(frame.to)
      const { ownOffset, offset, sentAt } = sent
      connection.sendText(sentFrame(frame.id, ownOffset ?? offset, sentAt))
    } else refuse(frame, ...refusalOfResult(sent))
    const isDone = sent.outcome !== 'full' && sent.outcome !== 'limited'
    if (!isDone) failureCount += 1
    return isDone
  }

  /**
   * Stores and answers a send. `content` is the JSON of the content that the app's backend has put in place of the message's. Resolves with
   * false if the client may try the same send again.
   */
  const store = (frame: ClientFrameOf<'send'>, content?: string): Promise<boolean> => {
    const { id, to, body, data } = frame
    const rules = sendRulesOf(app.settings, settings)
    const at = performance.now()
    const span = tracing.start('send', 'SERVER', frame.traceparent, { 'chat_session.app_id': appId })
    const { traceparent } = span
    const message = { appId, id, from: userId, to, body, data, sender: sender(), traceparent }
    // An async function would make two more promises for each message.
    return engine.send(replaceContent(message, content), rules).then(
      (sent) => {
        span.end({ 'chat_session.outcome': sent.outcome })
        return answerSend(frame, sent, at)
      },
      (error: unknown) => {
        span.end({}, 'the engine failed')
        failureCount += 1
        forget(frame)
        throw error
      },
    )
  }

  /** Resolves with false if the client may try the same send again. */
  const authorizeAndStore = async (
    frame: ClientFrameOf<'send'>,
    asking: Asking | undefined,
    putDataBack: () => void,
  ): Promise<boolean> => {
    const decision = await (asking?.decision ?? authorizeSend(app, log, { from: userId, to: frame.to }))
    // The answer may take long, and a user who was logged out meanwhile must not send any more. The sends behind this one fail, too.
    if (await isRevoked()) {
      refuse(frame, 'unauthenticated')
      return false
    }
    if ('sent' in decision) return answerSend(frame, decision.sent, performance.now())
    if (decision.allowed) {
      putDataBack()
      return store(frame, decision.content)
    }
    refuse(frame, ...decision.refusal)
    return !isRetryable(decision.refusal[0])
  }

  /** Begins to ask the app's backend about a send; undefined for an app without `authorizeSendUrl`. */
  const ask = ({ id, to, body, data }: ClientFrameOf<'send'>): Asking | undefined =>
    app.settings.authorizeSendUrl
      ? sendAuthorizer.begin(
          app,
          { appId, from: userId, to, id, body: body ?? null, data: data ?? null, origin },
          sendRulesOf(app.settings, settings),
        )
      : undefined

  /**
   * Stores one send after the other, however long each waits for `first` and for its authorization. `authorizeSendUrl` is asked about each
   * send at once, `authorizeSend` about one after the other. If a send fails, the sends that wait behind it are refused too, because they
   * would overtake it when the client sends it again.
   */
  const sendInOrder = async (
    frame: ClientFrameOf<'send'>,
    first: Promise<void> | undefined,
  ): Promise<void> => {
    const failuresBefore = failureCount
    turnCount += 1
    const asking = ask(frame)
    const putDataBack = setDataAside(frame)
    await turns.run(async () => {
      let isDone = false
      try {
        await first
        if (failureCount === failuresBefore) isDone = await authorizeAndStore(frame, asking, putDataBack)
        else refuse(frame, ...(sendBarrier.current() ?? (['unavailable'] as const)))
      } finally {
        asking?.end()
        if (!isDone) failureCount += 1
        turnCount -= 1
        forget(frame)
      }
    })
  }

  /** Returns why a send is refused before the engine sees it. If it is not refused, counts it against the user's limit. */
  const refusalOf = (frame: ClientFrameOf<'send'>): RefusalParts | undefined => {
    const problem = checkMessage(frame)
    if (problem) return [problem.code, problem.why]
    if (!maySend(app, userId)) return NOT_ALLOWED
    const refusal = sendBarrier.current()
    if (refusal) return refusal
    // The engine counts the messages of all gateways. If the user has sent too many to this gateway already, the engine is not asked.
    const wait = userLimits.takeMessage()
    return wait > 0 ? ['rate-limited', undefined, wait] : undefined
  }

  return {
    send(frame, first) {
      const refusal = refusalOf(frame)
      if (refusal) {
        refuse(frame, ...refusal)
        return undefined
      }
      // A send must not overtake one that waits.
      const { authorizeSend, authorizeSendUrl } = app.settings
      const isInTurn = authorizeSend ?? authorizeSendUrl ?? first ?? turnCount > 0
      const sent = isInTurn ? sendInOrder(frame, first) : store(frame)
      unanswered.push({ frame, sent })
      return sent
    },
    unansweredTo: (userId) => unanswered.flatMap(({ frame, sent }) => (frame.to === userId ? sent : [])),
  }
}
