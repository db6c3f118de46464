import { randomUUID } from 'node:crypto'
import type { Engine } from '../../engine/index.js'
import { errorMessages, isUserId, type NewMessage } from '../../protocol/index.js'
import type { AppSettings, Settings } from '../config/parse.js'
import type { Metrics } from '../metrics/metrics.js'
import { countSend } from './count-send.js'
import { backendRulesOf } from '../apps/engine-rules.js'
import { checkMessage } from './rules.js'

/** A message that the app's backend sends. Without `from` the backend itself is the sender. */
interface BackendMessage extends Omit<NewMessage, 'to'> {
  to: string
  from?: string | undefined
  traceparent?: string | undefined
}

/** A message that is durable. `repeated`: the same message was stored before. */
export interface StoredMessage {
  id: string
  /** The message's offset in the recipient's inbox. */
  offset: number
  /** Unix time in milliseconds. */
  sentAt: number
  repeated: boolean
}

/** Why a message is not stored. */
export interface SendProblem {
  code: 'bad-request' | 'too-large' | 'conflict' | 'unknown-user' | 'unavailable'
  why: string
}

/** Resolves with the durable message or with the problem. Rejects with an `EngineError` if the engine fails. */
export type SendMessage = (app: AppSettings, message: BackendMessage) => Promise<StoredMessage | SendProblem>

const NO_GUEST: SendProblem = {
  code: 'unknown-user',
  why: "No guest has this id: only a guest's own start makes an id that begins with 'guest:'.",
}

/** Returns the function that sends a backend's messages. */
export const createSend =
  (settings: Pick<Settings, 'sendWindow'>, engine: Engine, metrics: Metrics): SendMessage =>
  async (app, { to, from, id = randomUUID(), body, data, traceparent }) => {
    const { appId } = app
    const problem = checkMessage({ id, to, body, data })
    if (problem) return problem
    if (from !== undefined && !isUserId(from))
      return { code: 'bad-request', why: "A message's 'from' is not a valid user id." }

    const at = performance.now()
    const sent = await engine.send(
      { appId, id, from: from ?? null, to, body, data, traceparent },
      backendRulesOf(app, settings),
    )
    countSend(metrics, appId, 'backend', sent.outcome, at)
    if (sent.outcome === 'conflict') return { code: 'conflict', why: errorMessages.conflict }
    if (sent.outcome === 'unknown-user') return NO_GUEST
    if (!('sentAt' in sent))
      return {
        code: 'unavailable',
        why: "The app's quota is used up: raise limits.inboxes or limits.bytes in its config.",
      }
    return { id, offset: sent.offset, sentAt: sent.sentAt, repeated: sent.outcome === 'repeated' }
  }
