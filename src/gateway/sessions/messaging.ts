import type { Engine, SendResult, UserRef } from '../../engine/index.js'
import { limits, type ClientFrameOf } from '../../protocol/index.js'
import type { App } from '../apps/app.js'
import type { Settings } from '../config/parse.js'
import {
  authorizeSend,
  maySend,
  NOT_ALLOWED,
  refusalOfResult,
  type RefusalParts,
} from '../messages/client-sends.js'
import { countSend } from '../messages/count-send.js'
import type { MessageTurns } from '../messages/message-turns.js'
import { readWhatFits } from '../messages/read-what-fits.js'
import { sendRulesOf } from '../apps/engine-rules.js'
import { checkMessage } from '../messages/rules.js'
import type { Metrics } from '../metrics/metrics.js'
import type { Tracing } from '../tracing/tracing.js'
import type { ConnectionHandle } from './connection-handle.js'
import { engineRetryAfter } from './engine-retry.js'
import type { Log } from '../log.js'
import type { UserLimits } from './user-limits.js'
import type { Watchers } from './watchers.js'
import type { SendBarrier } from './send-barrier.js'

/** The parts of a gateway that answer frames about messages. */
export interface MessagingContext {
  settings: Pick<Settings, 'sendWindow' | 'pingInterval'>
  engine: Engine
  log: Log
  metrics: Metrics
  messageTurns: MessageTurns
  tracing: Tracing
  watchers: Watchers
}

/** A frame that a live session answers. */
export type RequestFrame = ClientFrameOf<
  'token' | 'profile' | 'send' | 'history' | 'read' | 'signal' | 'watch'
>

/** Answers a frame with `refused`; `retryAfter` in milliseconds. */
export type Refuse = (re: RequestFrame, ...refusal: RefusalParts) => void

/** Answers `send` and `history` frames. Each call resolves when its frame is answered; sends reach the engine in their order. */
interface Messaging {
  /** Undefined if the frame was refused at once. */
  send(frame: ClientFrameOf<'send'>): Promise<unknown> | undefined
  history(frame: ClientFrameOf<'history'>): Promise<void>
}

export const OTHER_EPOCH = "The inbox has another 'epoch' now: reconnect, and 'started' has the new one."

const MAX_HISTORY = 100
const DEFAULT_HISTORY = 50
/** Bytes of a `history` frame besides its messages: its other fields and the longest id. */
const HISTORY_OVERHEAD = 1_024
const MAX_HISTORY_BYTES = limits.frame - HISTORY_OVERHEAD

export const createMessaging = (
  { settings, engine, log, metrics, messageTurns, tracing }: MessagingContext,
  app: App,
  { user, limits: userLimits, epoch }: { user: UserRef; limits: UserLimits; epoch: string },
  {
    connection,
    refuse,
    sendBarrier,
  }: { connection: ConnectionHandle; refuse: Refuse; sendBarrier: SendBarrier },
): Messaging => {
  const { appId, userId } = user
  /** Resolves when the latest send is authorized and stored, or has failed. Used while `authorizeSend` is set. */
  let lastSend = Promise.resolve()
  let failureCount = 0
  let lastHistory = Promise.resolve()

  /** Returns false if the client may try the same send again. */
  const answerSend = (frame: ClientFrameOf<'send'>, sent: SendResult, at: number): boolean => {
    countSend(metrics, { appId, from: 'client', outcome: sent.outcome, at })
    if ('sentAt' in sent) {
      const { ownOffset, offset, sentAt } = sent
      connection.send({ type: 'sent', id: frame.id, offset: ownOffset ?? offset, sentAt })
    } else refuse(frame, ...refusalOfResult(sent))
    return sent.outcome !== 'full' && sent.outcome !== 'limited'
  }

  /** Resolves with false if the client may try the same send again. */
  const store = (frame: ClientFrameOf<'send'>): Promise<boolean> => {
    const { id, to, body, data } = frame
    const rules = sendRulesOf(app.settings, settings)
    const at = performance.now()
    const span = tracing.start('send', 'SERVER', frame.traceparent, { 'chat_session.app_id': appId })
    const { traceparent } = span
    // An async function would make two more promises for each message.
    return engine.send({ appId, id, from: userId, to, body, data, traceparent }, rules).then(
      (sent) => {
        span.end({ 'chat_session.outcome': sent.outcome })
        return answerSend(frame, sent, at)
      },
      (error: unknown) => {
        span.end({}, 'the engine failed')
        throw error
      },
    )
  }

  /** Resolves with false if the client may try the same send again. */
  const authorizeAndStore = async (frame: ClientFrameOf<'send'>): Promise<boolean> => {
    const refusal = await authorizeSend(app, log, { from: userId, to: frame.to })
    if (!refusal) return store(frame)
    refuse(frame, refusal)
    return refusal !== 'unavailable'
  }

  /**
   * Authorizes and stores one send after the other, however long each takes to authorize. If a send fails, the sends that wait
   * behind it are refused too: otherwise they would overtake it.
   */
  const sendInOrder = async (frame: ClientFrameOf<'send'>): Promise<void> => {
    const failuresBefore = failureCount
    const turn = lastSend.then(async () => {
      let isDone = false
      try {
        if (failureCount === failuresBefore) isDone = await authorizeAndStore(frame)
        else refuse(frame, 'unavailable')
      } finally {
        if (!isDone) failureCount += 1
      }
    })
    // The rejection reaches the caller by `turn`: the next send only waits for it.
    lastSend = turn.catch(() => undefined)
    await turn
  }

  /** Returns why a send is refused before the engine sees it: the code, the sentence, and when to try again. */
  const refusalOf = (frame: ClientFrameOf<'send'>): RefusalParts | undefined => {
    const problem = checkMessage(frame)
    if (problem) return [problem.code, problem.why]
    if (!maySend(app, userId)) return NOT_ALLOWED
    const refusal = sendBarrier.current()
    if (refusal) return [refusal.code, refusal.why, refusal.retryAfter]
    // If the user sent too many to this gateway alone, the engine, which counts those of all gateways, is not asked.
    const wait = userLimits.takeMessage()
    return wait > 0 ? ['rate-limited', undefined, wait] : undefined
  }

  const answerHistory = async (frame: ClientFrameOf<'history'>): Promise<void> => {
    const { id, after, before, limit = DEFAULT_HISTORY } = frame
    if (limit < 1 || limit > MAX_HISTORY)
      return refuse(frame, 'bad-request', `The 'limit' is 1 to ${MAX_HISTORY}.`)
    if (after !== undefined && before !== undefined)
      return refuse(frame, 'bad-request', "A 'history' has 'after' or 'before', not both.")
    if (frame.epoch !== epoch) return refuse(frame, 'conflict', OTHER_EPOCH)
    await connection.drained()
    const messages =
      after === undefined
        ? await readWhatFits(messageTurns, limit, MAX_HISTORY_BYTES, async (count, last) => {
            const offset = last?.offset ?? before ?? null
            // Newest first, so that the oldest are left out if they do not all fit.
            return (
              (await engine.messagesBefore(user, { epoch: frame.epoch, offset }, count))?.reverse() ?? null
            )
          })
        : await readWhatFits(messageTurns, limit, MAX_HISTORY_BYTES, async (count, last) => {
            const offset = last?.offset ?? after
            const page = await engine.messagesAfter(user, { epoch: frame.epoch, offset }, count)
            // The engine returns everything for an offset ahead of the inbox; here nothing comes after it. Retention may have
            // deleted messages since the last read: then the frame ends before the gap.
            const isGap = last !== undefined && page.lost
            return isGap ? [] : page.messages.filter((message) => message.offset > offset)
          })
    if (!messages) return connection.end('unavailable', OTHER_EPOCH, engineRetryAfter())
    connection.send({ type: 'history', id, messages: after === undefined ? messages.reverse() : messages })
  }

  return {
    send(frame) {
      const refusal = refusalOf(frame)
      if (refusal) {
        refuse(frame, ...refusal)
        return undefined
      }
      return app.settings.authorizeSend ? sendInOrder(frame) : store(frame)
    },
    async history(frame) {
      const turn = lastHistory.then(() => answerHistory(frame))
      lastHistory = turn.catch(() => undefined)
      await turn
    },
  }
}
