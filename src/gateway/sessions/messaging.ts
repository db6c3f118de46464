import type { Engine, UserRef } from '../../engine/index.js'
import {
  isGuestId,
  limits,
  type ClientFrameOf,
  type Message,
  type RefusalCode,
} from '../../protocol/index.js'
import type { RateLimiter } from '../limits/rate-limiter.js'
import type { App } from '../auth/app.js'
import type { Settings } from '../config/parse.js'
import { checkMessage, sendRulesOf } from '../messages/rules.js'
import type { ConnectionHandle } from './connection-handle.js'
import type { Log } from '../log.js'
import type { SendOrder } from './send-order.js'

/** What a session's frames about messages need. */
export interface MessagingContext {
  settings: Pick<Settings, 'sendWindow' | 'pingInterval'>
  engine: Engine
  rateLimiter: RateLimiter
  log: Log
}

type MessagingFrame = ClientFrameOf<'send' | 'history' | 'read'>

/** Answers a frame that can't be done; `retryAfter` in milliseconds. */
export type Refuse = (
  re: MessagingFrame | ClientFrameOf<'token' | 'profile'>,
  code: RefusalCode,
  why?: string,
  retryAfter?: number,
) => void

/** What a client does with messages. Each resolves when the frame is answered; sends reach the engine in their order. */
export interface Messaging {
  send(frame: ClientFrameOf<'send'>): Promise<void>
  history(frame: ClientFrameOf<'history'>): Promise<void>
}

/** What a client with another epoch hears. */
export const OTHER_EPOCH = "This 'epoch' is not the inbox's: start again to learn what is."
const QUOTA_EXCEEDED = 'The app keeps as much as it may.'

/** Milliseconds until it is worth asking again whether an app that is full has room. */
const QUOTA_RETRY_AFTER = 30_000

const MAX_HISTORY = 100
const DEFAULT_HISTORY = 50
/** Bytes that a `history` frame may have besides its messages and its id. */
const HISTORY_OVERHEAD = 1_024

/** The first of `messages` that fit one frame together; one always does. */
const takeWhatFits = (messages: Message[]): Message[] => {
  let left = limits.frame - HISTORY_OVERHEAD
  const end = messages.findIndex((message) => (left -= Buffer.byteLength(JSON.stringify(message)) + 1) < 0)
  return end < 0 ? messages : messages.slice(0, Math.max(1, end))
}

export const createMessaging = (
  { settings, engine, rateLimiter: allowance, log }: MessagingContext,
  { settings: rules }: App,
  { of, epoch }: { of: UserRef; epoch: string },
  { line, refuse, order }: { line: ConnectionHandle; refuse: Refuse; order: SendOrder },
): Messaging => {
  const { appId, userId } = of
  const sendRules = sendRulesOf(rules, settings, rules.unknownRecipients)
  const authorizeSend = rules.authorizeSend
  /** The last send's way to the engine, and how many came to nothing on theirs. */
  let lastSend = Promise.resolve()
  let failures = 0
  let lastHistory = Promise.resolve()

  const maySend = rules.send === 'anyone' || (rules.send === 'users' && !isGuestId(userId))

  /** Why the app's function doesn't let a message through, if it doesn't. */
  const authorize = async (to: string): Promise<'refused' | 'unavailable' | undefined> => {
    try {
      return (await authorizeSend?.({ from: userId, to })) === true ? undefined : 'refused'
    } catch (error) {
      const { name, stack } = error instanceof Error ? error : { name: typeof error, stack: undefined }
      log.error({ appId, name, stack }, 'authorizeSend failed')
      return 'unavailable'
    }
  }

  /** False when it may be sent again. */
  const store = async (frame: ClientFrameOf<'send'>): Promise<boolean> => {
    const { id, to, body, data } = frame
    const sent = await engine.send({ appId, id, from: userId, to, body, data }, sendRules)
    if ('sentAt' in sent) {
      const { ownOffset, offset, sentAt } = sent
      line.send({ type: 'sent', id, offset: ownOffset ?? offset, sentAt })
    } else if (sent.outcome === 'full') refuse(frame, 'unavailable', QUOTA_EXCEEDED, QUOTA_RETRY_AFTER)
    else refuse(frame, sent.outcome)
    return sent.outcome !== 'full'
  }

  /** False when it may be sent again. */
  const authorizeAndStore = async (frame: ClientFrameOf<'send'>): Promise<boolean> => {
    const no = await authorize(frame.to)
    if (!no) return store(frame)
    refuse(frame, no)
    return no !== 'unavailable'
  }

  /** One after the other, however long each is judged; what waits behind one that fails must not overtake it. */
  const sendInOrder = async (frame: ClientFrameOf<'send'>): Promise<void> => {
    const known = failures
    const turn = lastSend.then(async () => {
      let isDone = false
      try {
        if (failures === known) isDone = await authorizeAndStore(frame)
        else refuse(frame, 'unavailable')
      } finally {
        if (!isDone) failures += 1
      }
    })
    // Whoever waits for the turn is told of its failure.
    lastSend = turn.catch(() => undefined)
    await turn
  }

  const answerHistory = async (frame: ClientFrameOf<'history'>): Promise<void> => {
    const { id, after, before, limit = DEFAULT_HISTORY } = frame
    if (limit < 1 || limit > MAX_HISTORY)
      return refuse(frame, 'bad-request', `The 'limit' is 1 to ${MAX_HISTORY}.`)
    if (after !== undefined && before !== undefined)
      return refuse(frame, 'bad-request', "A 'history' has 'after' or 'before', not both.")
    if (frame.epoch !== epoch) return refuse(frame, 'conflict', OTHER_EPOCH)
    await line.drained()
    if (after === undefined) {
      const newest = await engine.messagesBefore(of, { epoch: frame.epoch, offset: before ?? null }, limit)
      if (!newest) return line.end('unavailable', OTHER_EPOCH)
      // The newest of them count.
      return line.send({ type: 'history', id, messages: takeWhatFits(newest.reverse()).reverse() })
    }
    const { messages } = await engine.messagesAfter(of, { epoch: frame.epoch, offset: after }, limit)
    // After an offset that there isn't yet there is nothing.
    const asked = messages.filter(({ offset }) => offset > after)
    line.send({ type: 'history', id, messages: takeWhatFits(asked) })
  }

  return {
    async send(frame) {
      const problem = checkMessage(frame)
      if (problem) return refuse(frame, problem.code, problem.why)
      if (!maySend) return refuse(frame, 'refused', 'The app does not let this user send.')
      const busy = order.current()
      if (busy) return refuse(frame, busy.code, busy.why, busy.retryAfter)
      const wait = allowance.take(`${appId}\0${userId}`, rules.limits.messagesPerSecond)
      if (wait > 0) return refuse(frame, 'rate-limited', undefined, wait)
      await (authorizeSend ? sendInOrder(frame) : store(frame))
    },
    async history(frame) {
      const turn = lastHistory.then(() => answerHistory(frame))
      lastHistory = turn.catch(() => undefined)
      await turn
    },
  }
}
