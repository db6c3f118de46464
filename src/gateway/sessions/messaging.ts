import type { Engine, UserRef } from '../../engine/index.js'
import {
  isGuestId,
  limits,
  type ClientFrameOf,
  type Message,
  type RefusalCode,
} from '../../protocol/index.js'
import type { Allowance } from '../limits/rate-limiter.js'
import type { App } from '../auth/app.js'
import type { Settings } from '../config/parse.js'
import { problemOf, sendRulesOf } from '../messages/rules.js'
import type { ConnectionHandle } from './connection-handle.js'
import type { Log } from '../log.js'
import type { SendOrder } from './send-order.js'

/** What a session's frames about messages need. */
export interface MessagingContext {
  settings: Pick<Settings, 'sendWindow' | 'pingInterval'>
  engine: Engine
  allowance: Allowance
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
const FULL = 'The app keeps as much as it may.'

/** Milliseconds until it is worth asking again whether an app that is full has room. */
const FULL_AGAIN = 30_000

const MOST_HISTORY = 100
const USUAL_HISTORY = 50
/** Bytes that a `history` frame may have besides its messages and its id. */
const AROUND_HISTORY = 1_024

/** The first of `messages` that fit one frame together; one always does. */
const fitting = (messages: Message[]): Message[] => {
  let left = limits.frame - AROUND_HISTORY
  const end = messages.findIndex((message) => (left -= Buffer.byteLength(JSON.stringify(message)) + 1) < 0)
  return end < 0 ? messages : messages.slice(0, Math.max(1, end))
}

export const createMessaging = (
  { settings, engine, allowance, log }: MessagingContext,
  { settings: rules }: App,
  { of, epoch }: { of: UserRef; epoch: string },
  { line, refuse, order }: { line: ConnectionHandle; refuse: Refuse; order: SendOrder },
): Messaging => {
  const { appId, userId } = of
  const sendRules = sendRulesOf(rules, settings, rules.unknownRecipients)
  const asksTo = rules.authorizeSend
  /** The last send's way to the engine, and how many came to nothing on theirs. */
  let deciding = Promise.resolve()
  let failures = 0
  let answering = Promise.resolve()

  const mayAnyone = rules.send === 'anyone' || (rules.send === 'users' && !isGuestId(userId))

  /** Why the app's function doesn't let a message through, if it doesn't. */
  const judge = async (to: string): Promise<'refused' | 'unavailable' | undefined> => {
    try {
      return (await asksTo?.({ from: userId, to })) === true ? undefined : 'refused'
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
    } else if (sent.outcome === 'full') refuse(frame, 'unavailable', FULL, FULL_AGAIN)
    else refuse(frame, sent.outcome)
    return sent.outcome !== 'full'
  }

  /** False when it may be sent again. */
  const decide = async (frame: ClientFrameOf<'send'>): Promise<boolean> => {
    const no = await judge(frame.to)
    if (!no) return store(frame)
    refuse(frame, no)
    return no !== 'unavailable'
  }

  /** One after the other, however long each is judged; what waits behind one that fails must not overtake it. */
  const inTurn = async (frame: ClientFrameOf<'send'>): Promise<void> => {
    const known = failures
    const turn = deciding.then(async () => {
      let isDone = false
      try {
        if (failures === known) isDone = await decide(frame)
        else refuse(frame, 'unavailable')
      } finally {
        if (!isDone) failures += 1
      }
    })
    // Whoever waits for the turn is told of its failure.
    deciding = turn.catch(() => undefined)
    await turn
  }

  const answer = async (frame: ClientFrameOf<'history'>): Promise<void> => {
    const { id, after, before, limit = USUAL_HISTORY } = frame
    if (limit < 1 || limit > MOST_HISTORY)
      return refuse(frame, 'bad-request', `The 'limit' is 1 to ${MOST_HISTORY}.`)
    if (after !== undefined && before !== undefined)
      return refuse(frame, 'bad-request', "A 'history' has 'after' or 'before', not both.")
    if (frame.epoch !== epoch) return refuse(frame, 'conflict', OTHER_EPOCH)
    await line.drained()
    if (after === undefined) {
      const newest = await engine.messagesBefore(of, { epoch: frame.epoch, offset: before ?? null }, limit)
      if (!newest) return line.end('unavailable', OTHER_EPOCH)
      // The newest of them count.
      return line.send({ type: 'history', id, messages: fitting(newest.reverse()).reverse() })
    }
    const { messages } = await engine.messagesAfter(of, { epoch: frame.epoch, offset: after }, limit)
    // After an offset that there isn't yet there is nothing.
    const asked = messages.filter(({ offset }) => offset > after)
    line.send({ type: 'history', id, messages: fitting(asked) })
  }

  return {
    async send(frame) {
      const problem = problemOf(frame)
      if (problem) return refuse(frame, problem.code, problem.why)
      if (!mayAnyone) return refuse(frame, 'refused', 'The app does not let this user send.')
      const busy = order.held()
      if (busy) return refuse(frame, busy.code, busy.why, busy.retryAfter)
      const wait = allowance.take(`${appId}\0${userId}`, rules.limits.messagesPerSecond)
      if (wait > 0) return refuse(frame, 'rate-limited', undefined, wait)
      await (asksTo ? inTurn(frame) : store(frame))
    },
    async history(frame) {
      const turn = answering.then(() => answer(frame))
      answering = turn.catch(() => undefined)
      await turn
    },
  }
}
