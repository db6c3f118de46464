import { randomUUID } from 'node:crypto'
import type { Engine, SendResult } from '../../engine/index.js'
import { errorMessages, isGuestId, isUserId, type JsonObject } from '../../protocol/index.js'
import type { AppSettings, Settings } from '../config/parse.js'
import { GatewayError } from '../errors.js'
import type { Metrics } from '../metrics/metrics.js'
import { countSend } from './count-send.js'
import { sendRulesOf } from '../apps/engine-rules.js'
import { checkMessage } from './rules.js'

/** A message of the app's backend. */
export interface BackendMessage {
  /** The recipient's user id. A user who has never started a session is created; a guest is not. */
  to: string
  /** The user id of the sender, whose inbox gets a copy. A sender is created as a recipient is. @default none: the app's backend */
  from?: string | undefined
  /** 1 to 64 characters. The same id within `sendWindow` stores no second message. @default a random one */
  id?: string | undefined
  /** At least one of `body` and `data`, 16 kB together. */
  body?: string | undefined
  data?: JsonObject | undefined
}

export interface Published {
  id: string
  /** The position in the recipient's inbox. */
  offset: number
  /** Unix time in milliseconds. */
  sentAt: number
}

/** Rejects with a `GatewayError` or an `EngineError`. `repeated`: the same message was stored before. */
export type SendMessage = (
  app: AppSettings,
  message: BackendMessage,
) => Promise<Published & { repeated: boolean }>

const NO_GUEST = "No guest has this id: only a guest's own start makes an id that begins with 'guest:'."

/** Returns the function that sends a backend's messages, for `gateway.publish` and for REST. */
export const createSend =
  (settings: Pick<Settings, 'sendWindow'>, engine: Engine, metrics: Metrics): SendMessage =>
  async (app, { to, from, id = randomUUID(), body, data }) => {
    const { appId } = app
    const problem = checkMessage({ id, to, body, data })
    if (problem) throw new GatewayError(problem.code, problem.why)
    if (from !== undefined && !isUserId(from))
      throw new GatewayError('bad-request', "A message's 'from' is not a valid user id.")

    const create = async (userId: string): Promise<void> => {
      if (isGuestId(userId)) throw new GatewayError('unknown-user', NO_GUEST)
      await engine.saveUser({ appId, userId }, {})
    }
    const store = (): Promise<SendResult> =>
      engine.send(
        { appId, id, from: from ?? null, to, body, data },
        // The backend decides itself how many messages it sends, also in a user's name.
        { ...sendRulesOf(app, settings, false), unreadPerSender: 1, messagesPerSecond: undefined },
      )

    if (from !== undefined && !(await engine.user({ appId, userId: from }))) await create(from)
    let at = performance.now()
    let sent = await store()
    // Asked for after the first try, because most recipients exist.
    if (sent.outcome === 'unknown-user') {
      await create(to)
      at = performance.now()
      sent = await store()
    }
    countSend(metrics, { appId, from: 'backend', outcome: sent.outcome, at })
    if (sent.outcome === 'conflict') throw new GatewayError('conflict', errorMessages.conflict)
    if (sent.outcome === 'unknown-user')
      throw new GatewayError('unavailable', 'The user is being deleted: send the message again.')
    if (!('sentAt' in sent))
      throw new GatewayError(
        'unavailable',
        "The app's quota is used up: raise limits.inboxes or limits.bytes in its config.",
      )
    return { id, offset: sent.offset, sentAt: sent.sentAt, repeated: sent.outcome === 'repeated' }
  }
